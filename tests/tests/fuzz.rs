//! The fuzz targets on stable: arbitrary bytes, and for the formats also bytes that are nearly right.

use oss_tests::fuzz;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_replies_and_faults_breaks_the_machine(script in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz::machine(&script);
    }

    #[test]
    fn no_bytes_break_the_checkpoint_reader(data in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz::checkpoint(&data);
    }

    #[test]
    fn no_text_breaks_the_xml_reader(text in "[<>/&;#xa-c \"'=!?\\[\\]CDAT-]{0,200}") {
        fuzz::xml(text.as_bytes());
    }
}
