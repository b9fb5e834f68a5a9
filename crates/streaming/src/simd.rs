//! The few instructions that need `unsafe`: AVX2 for finding words, and prefetching memory.
//!
//! Each has a safe counterpart (or needs none, where it only makes things faster), and the tests in
//! [`super::edges`] check both against the plain definition.
#![allow(unsafe_code)]

use super::edges::{Edges, scan_portable};

/// Room for one piece, to be filled by the fastest function of this processor.
pub(super) fn fastest() -> Edges {
    Edges::new(avx2().unwrap_or(scan_portable))
}

/// The function for processors with AVX2, if this is one.
fn avx2() -> Option<fn(&[u8], bool, &mut Edges)> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("popcnt")
    {
        return Some(x86::scan);
    }
    None
}

/// Prefetches `slots[index]`, which will be used soon. Does nothing where prefetching is not available.
#[inline]
pub(super) fn prefetch<T>(slots: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults, whatever the address; SSE is part of every x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(slots.as_ptr().wrapping_add(index).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slots, index);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use crate::edges::{self, CHUNK, Edges};
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8,
        _mm256_or_si256, _mm256_set1_epi8, _mm256_sub_epi8,
    };

    /// Only returned by [`super::avx2`], after it has checked the processor.
    pub(super) fn scan(piece: &[u8], in_word: bool, edges: &mut Edges) {
        // SAFETY: `avx2` found AVX2, BMI1 and POPCNT before it handed out this function.
        unsafe { scan_avx2(piece, in_word, edges) }
    }

    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn scan_avx2(piece: &[u8], in_word: bool, edges: &mut Edges) {
        edges::scan(piece, in_word, edges, |chunk| classify(chunk));
    }

    /// Bitmasks of whitespace and newlines of 64 bytes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn classify(chunk: &[u8; CHUNK]) -> (u64, u64) {
        let [low, high] = chunk.as_chunks::<32>().0 else {
            unreachable!("64 bytes are twice 32")
        };
        let (low, high) = (half(low), half(high));
        (
            u64::from(low.0) | u64::from(high.0) << 32,
            u64::from(low.1) | u64::from(high.1) << 32,
        )
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn half(bytes: &[u8; 32]) -> (u32, u32) {
        #[expect(
            clippy::cast_ptr_alignment,
            reason = "the unaligned form asks for none"
        )]
        // SAFETY: reads the 32 bytes of the array, at any alignment.
        let bytes = unsafe { _mm256_loadu_si256(std::ptr::from_ref(bytes).cast::<__m256i>()) };
        // After subtracting 9, the bytes 9..=13 are 0..=4, and every other byte is above 4 as an unsigned number.
        let less_nine = _mm256_sub_epi8(bytes, _mm256_set1_epi8(9));
        let control = _mm256_cmpeq_epi8(_mm256_min_epu8(less_nine, _mm256_set1_epi8(4)), less_nine);
        let blank = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(32));
        let newline = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(10));
        (
            _mm256_movemask_epi8(_mm256_or_si256(control, blank)).cast_unsigned(),
            _mm256_movemask_epi8(newline).cast_unsigned(),
        )
    }
}
