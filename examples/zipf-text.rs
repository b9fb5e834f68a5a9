//! Writes text for the speed bench: words by Zipf's law, the same for the same arguments on any machine.
//!
//! `zipf-text BYTES [WORDS [SEED]]` writes at least BYTES bytes in whole lines of 60 to 80 bytes. The word of
//! rank r comes with a frequency of 1/r; frequent words are short, and the mean in the text is about five letters.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

/// Letters as often as in English, roughly.
const LETTERS: &[u8] =
    b"eeeeeetttttaaaaoooooiiiinnnnnssssshhhhrrrrrddddllllccuuummwwffggyyppbbvkjxqz";

/// xorshift64*, whose numbers are good enough for words.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next()) * bound as u128;
        usize::try_from(product >> 64).expect("less than the bound")
    }
}

/// Distinct words: the rank in letters, behind as many others as its length asks for.
fn vocabulary(size: usize, random: &mut Random) -> Vec<Vec<u8>> {
    let mut known = std::collections::HashSet::new();
    let mut words = Vec::with_capacity(size);
    while words.len() < size {
        // From about 2 letters for the most frequent to about 9 for the rarest.
        let rank = words.len() + 1;
        let base = 2 + rank.ilog2() as usize / 3;
        let word: Vec<u8> = (0..base + random.below(3))
            .map(|_| LETTERS[random.below(LETTERS.len())])
            .collect();
        if known.insert(word.clone()) {
            words.push(word);
        }
    }
    words
}

/// Walker's alias method: one draw costs the same for any number of words.
fn alias(size: usize) -> Vec<(f64, usize)> {
    #[expect(clippy::cast_precision_loss, reason = "far fewer words than 2^52")]
    let mut weights: Vec<f64> = (1..=size).map(|rank| 1.0 / rank as f64).collect();
    #[expect(clippy::cast_precision_loss, reason = "far fewer words than 2^52")]
    let mean = weights.iter().sum::<f64>() / size as f64;
    for weight in &mut weights {
        *weight /= mean;
    }
    let (mut small, mut large): (Vec<usize>, Vec<usize>) =
        (0..size).partition(|&index| weights[index] < 1.0);
    let mut table = vec![(1.0, 0); size];
    while let (Some(less), Some(&more)) = (small.pop(), large.last()) {
        table[less] = (weights[less], more);
        weights[more] -= 1.0 - weights[less];
        if weights[more] < 1.0 {
            large.pop();
            small.push(more);
        }
    }
    table
}

fn write(bytes: u64, size: usize, seed: u64) -> io::Result<()> {
    let mut random = Random(seed | 1);
    let words = vocabulary(size, &mut random);
    let table = alias(size);
    let mut output = BufWriter::with_capacity(1 << 20, io::stdout());
    let mut line = Vec::new();
    let mut written = 0;
    while written < bytes {
        line.clear();
        let width = 60 + random.below(14);
        while line.len() < width {
            if !line.is_empty() {
                line.push(b' ');
            }
            let at = random.below(size);
            #[expect(clippy::cast_precision_loss, reason = "53 bits")]
            let draw = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
            let (keep, other) = table[at];
            line.extend_from_slice(&words[if draw < keep { at } else { other }]);
        }
        line.push(b'\n');
        output.write_all(&line)?;
        written += line.len() as u64;
    }
    output.flush()
}

fn main() -> ExitCode {
    let mut numbers = std::env::args()
        .skip(1)
        .map(|argument| argument.parse::<u64>());
    let (bytes, size, seed) = match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(bytes)), None, None) => (bytes, 300_000, 42),
        (Some(Ok(bytes)), Some(Ok(size @ 1..=10_000_000)), None) => (bytes, size, 42),
        (Some(Ok(bytes)), Some(Ok(size @ 1..=10_000_000)), Some(Ok(seed))) => (bytes, size, seed),
        _ => {
            eprintln!("usage: zipf-text BYTES [WORDS [SEED]]");
            return ExitCode::from(2);
        }
    };
    let size = usize::try_from(size).expect("ten million at most");
    match write(bytes, size, seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zipf-text: {error}");
            ExitCode::FAILURE
        }
    }
}
