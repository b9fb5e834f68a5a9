"""What a Hadoop Streaming task written in Python tells Hadoop and heartline.

Everything here speaks the contract of Hadoop Streaming: lines on stderr. It is the same with and without
`heartline run` around the task, and silent outside of Hadoop. Nothing writes to stdout, which is for records.
"""

from ._commit import CommitError, commit
from ._records import progress, records
from ._reporter import counter, status

__all__ = ["CommitError", "commit", "counter", "progress", "records", "status"]
