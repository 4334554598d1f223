/* CRC-64/XZ (that of x-oss-hash-crc64ecma) by folding: as fast as the crate the command uses, else the floor were none. */

#include <stdint.h>
#include <stddef.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* State before the first byte; the CRC-64 is the state's complement. */
#define CRC64_EMPTY (~(uint64_t)0)
/* The polynomial with the lowest bit as the highest power, as everything here. */
#define CRC64_POLYNOMIAL 0xC96C5795D7870F42ull

static uint64_t crc64_table[256];
static uint64_t (*crc64_more)(uint64_t state, const unsigned char *bytes, size_t length);

static uint64_t crc64_times_x(uint64_t value) {
    return value >> 1 ^ (value & 1 ? CRC64_POLYNOMIAL : 0);
}

static uint64_t crc64_by_table(uint64_t state, const unsigned char *bytes, size_t length) {
    while (length-- > 0) state = state >> 8 ^ crc64_table[(state ^ *bytes++) & 0xff];
    return state;
}

#if defined(__x86_64__)
/* What moves 16 bytes on by 16, 64 and 256 bytes: x^(bits + 63) for their first half, x^(bits - 1) for the second (a
   product of reflected numbers is one power of x too high). */
static uint64_t crc64_by16[2], crc64_by64[2], crc64_by256[2];

static void crc64_factors(uint64_t factors[2], int bits) {
    uint64_t power = (uint64_t)1 << 63;
    for (int at = 0; at < bits - 1; at++) power = crc64_times_x(power);
    factors[1] = power;
    for (int at = 0; at < 64; at++) power = crc64_times_x(power);
    factors[0] = power;
}

#define FOLDS128 __attribute__((target("pclmul,sse4.1")))
#define FOLDS512 __attribute__((target("pclmul,sse4.1,avx512f,vpclmulqdq")))

FOLDS128 static inline __m128i crc64_fold(__m128i folded, __m128i factors, __m128i more) {
    __m128i first = _mm_clmulepi64_si128(folded, factors, 0x00), second = _mm_clmulepi64_si128(folded, factors, 0x11);
    return _mm_xor_si128(_mm_xor_si128(first, second), more);
}

FOLDS128 static inline __m128i crc64_load(const unsigned char *bytes) {
    return _mm_loadu_si128((const __m128i *)bytes);
}

/* The state after 16 bytes that stand for all before them, and after what is left. */
FOLDS128 static uint64_t crc64_end(__m128i folded, const unsigned char *bytes, size_t length) {
    const __m128i by16 = _mm_loadu_si128((const __m128i *)crc64_by16);
    for (; length >= 16; bytes += 16, length -= 16) folded = crc64_fold(folded, by16, crc64_load(bytes));
    unsigned char last[16];
    _mm_storeu_si128((__m128i *)last, folded);
    return crc64_by_table(crc64_by_table(0, last, sizeof last), bytes, length);
}

FOLDS128 static uint64_t crc64_by_128(uint64_t state, const unsigned char *bytes, size_t length) {
    if (length < 64) return crc64_by_table(state, bytes, length);
    const __m128i by16 = _mm_loadu_si128((const __m128i *)crc64_by16);
    const __m128i by64 = _mm_loadu_si128((const __m128i *)crc64_by64);
    __m128i lanes[4];
    for (int lane = 0; lane < 4; lane++) lanes[lane] = crc64_load(bytes + 16 * lane);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi64_si128((long long)state));
    for (bytes += 64, length -= 64; length >= 64; bytes += 64, length -= 64)
        for (int lane = 0; lane < 4; lane++) lanes[lane] = crc64_fold(lanes[lane], by64, crc64_load(bytes + 16 * lane));
    for (int lane = 1; lane < 4; lane++) lanes[lane] = crc64_fold(lanes[lane - 1], by16, lanes[lane]);
    return crc64_end(lanes[3], bytes, length);
}

FOLDS512 static inline __m512i crc64_fold_512(__m512i folded, __m512i factors, __m512i more) {
    __m512i first = _mm512_clmulepi64_epi128(folded, factors, 0x00);
    __m512i second = _mm512_clmulepi64_epi128(folded, factors, 0x11);
    return _mm512_ternarylogic_epi64(first, second, more, 0x96);
}

FOLDS512 static uint64_t crc64_by_512(uint64_t state, const unsigned char *bytes, size_t length) {
    if (length < 256) return crc64_by_128(state, bytes, length);
    const __m512i by64 = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)crc64_by64));
    const __m512i by256 = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)crc64_by256));
    __m512i lanes[4];
    for (int lane = 0; lane < 4; lane++) lanes[lane] = _mm512_loadu_si512(bytes + 64 * lane);
    lanes[0] = _mm512_xor_si512(lanes[0], _mm512_zextsi128_si512(_mm_cvtsi64_si128((long long)state)));
    for (bytes += 256, length -= 256; length >= 256; bytes += 256, length -= 256)
        for (int lane = 0; lane < 4; lane++)
            lanes[lane] = crc64_fold_512(lanes[lane], by256, _mm512_loadu_si512(bytes + 64 * lane));
    for (int lane = 1; lane < 4; lane++) lanes[lane] = crc64_fold_512(lanes[lane - 1], by64, lanes[lane]);
    for (; length >= 64; bytes += 64, length -= 64)
        lanes[3] = crc64_fold_512(lanes[3], by64, _mm512_loadu_si512(bytes));
    unsigned char last[64];
    _mm512_storeu_si512(last, lanes[3]);
    const __m128i by16 = _mm_loadu_si128((const __m128i *)crc64_by16);
    __m128i folded = crc64_load(last);
    for (int at = 16; at < 64; at += 16) folded = crc64_fold(folded, by16, crc64_load(last + at));
    return crc64_end(folded, bytes, length);
}
#endif

/* Chooses the fastest this machine has, and checks it: its name, or NULL where it is wrong. */
static const char *crc64_begin(void) {
    for (unsigned at = 0; at < 256; at++) {
        uint64_t value = at;
        for (int bit = 0; bit < 8; bit++) value = crc64_times_x(value);
        crc64_table[at] = value;
    }
    const char *name = "table";
    crc64_more = crc64_by_table;
#if defined(__x86_64__)
    crc64_factors(crc64_by16, 16 * 8);
    crc64_factors(crc64_by64, 64 * 8);
    crc64_factors(crc64_by256, 256 * 8);
    if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
        name = "PCLMULQDQ", crc64_more = crc64_by_128;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq"))
            name = "VPCLMULQDQ", crc64_more = crc64_by_512;
    }
#endif
    static unsigned char bytes[1500];
    for (size_t at = 0; at < sizeof bytes; at++) bytes[at] = (unsigned char)(at * at >> 3 ^ at);
    for (size_t length = 0; length < sizeof bytes; length++)
        if (crc64_more(CRC64_EMPTY, bytes, length) != crc64_by_table(CRC64_EMPTY, bytes, length)) return NULL;
    uint64_t known = ~crc64_more(CRC64_EMPTY, (const unsigned char *)"123456789", 9);
    return known == 0x995DC9BBDF1939FAull ? name : NULL;
}
