//! A strict reader and a small writer for the XML of OSS.
