"""The most frequent word of each first letter, by mrjob: two steps, the first with a combiner.

It knows nothing of heartline. The first attempt of the first mapper hangs in the middle of its input.
"""

import os
import time

from mrjob.job import MRJob
from mrjob.step import MRStep


class FrequentWords(MRJob):
    lines = 0

    def steps(self):
        return [
            MRStep(mapper=self.words, combiner=self.add, reducer=self.add),
            MRStep(mapper=self.by_letter, reducer=self.most_frequent),
        ]

    def words(self, _, line):
        self.lines += 1
        if self.lines == 50 and os.environ["mapreduce_task_attempt_id"].endswith("_m_000000_0"):
            time.sleep(100000)
        for word in line.split():
            yield word, 1

    def add(self, word, counts):
        yield word, sum(counts)

    def by_letter(self, word, count):
        self.increment_counter("words", "different")
        yield word[0], (count, word)

    def most_frequent(self, letter, words):
        count, word = max(words)
        yield letter, [word, count]


if __name__ == "__main__":
    FrequentWords.run()
