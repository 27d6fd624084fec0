"""Reads a Parquet file through, as a program of its own: `python -I parquet_check.py MOST_UNPACKED < FILE`.

A damaged file can end the process that reads it, by an error of the decoder's that nothing catches. It is this process
then, and not the one that answers requests. It ends with 0 where all can be decoded or is refused in order, which
whoever reads the file next does again and says why; with anything else where nobody may touch the file.
"""

import sys

import pyarrow as pa
import pyarrow.parquet as pq

ROWS_AT_ONCE = 1000
LARGEST_COLUMN = 1 << 30  # bytes of one column in one row group
MOST_ROWS = 50_000_000


def too_large(about: pq.FileMetaData, most_unpacked: int) -> bool:
    """Whether a table would not fit where it is read, or unpacks to more bytes than that."""
    groups = [about.row_group(at) for at in range(about.num_row_groups)]
    columns = [group.column(at) for group in groups for at in range(group.num_columns)]
    sizes = [column.total_uncompressed_size for column in columns]
    return about.num_rows > MOST_ROWS or max(sizes, default=0) > LARGEST_COLUMN or sum(sizes) > most_unpacked


def main() -> None:
    """Decodes every value and looks whether it is what it says."""
    try:
        table = pq.ParquetFile(sys.stdin.buffer, pre_buffer=False)
        if not too_large(table.metadata, int(sys.argv[1])):
            for batch in table.iter_batches(ROWS_AT_ONCE):
                batch.validate(full=True)
    except (pa.ArrowException, OSError, UnicodeError):
        pass  # said by whoever reads it next


if __name__ == "__main__":
    main()
