"""The dataset as a table that Athena can ask: its columns from the dataset's own, its days projected, not listed."""

import re

import pyarrow as pa
from aws_cdk import Aws
from aws_cdk import aws_glue as glue
from constructs import Construct

from infra.storage import Storage
from politico.dataset.days import COLUMNS, LABELS
from politico.errors import SchemaError
from politico.lake import places

TABLE = "tweets"
FIRST_DAY = "2006-03-21"
"""Of the oldest tweet there is."""

_HADOOP = "org.apache.hadoop.hive.ql.io.parquet"
_SIMPLE = {
    pa.string(): "string",
    pa.bool_(): "boolean",
    pa.int32(): "int",
    pa.int64(): "bigint",
    pa.float32(): "float",
    pa.float64(): "double",
    pa.date32(): "date",
}


class Catalog(Construct):
    """`database` and `table` are names: whoever asks needs no more. Nothing is copied, and no day is ever added by hand."""

    def __init__(self, scope: Construct, name: str, *, storage: Storage, stack_name: str) -> None:
        super().__init__(scope, name)
        # Glue takes small letters, digits and underscores; named after the stack, so that two stacks have two.
        self.database = re.sub(r"[^a-z0-9]+", "_", stack_name.lower())
        self.table = TABLE
        database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(name=self.database, description="politico: the dataset"),
        )
        location = f"s3://{storage.lake.bucket_name}/{places.DATASET}"
        table = glue.CfnTable(
            self,
            "Table",
            catalog_id=Aws.ACCOUNT_ID,
            database_name=self.database,
            table_input=glue.CfnTable.TableInputProperty(
                name=self.table,
                description="One row a tweet, joined with its politician",
                table_type="EXTERNAL_TABLE",
                parameters={"classification": "parquet", "EXTERNAL": "TRUE", **_projection(location)},
                partition_keys=[glue.CfnTable.ColumnProperty(name=places.PARTITION, type="string")],
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    location=location,
                    columns=[glue.CfnTable.ColumnProperty(name=one.name, type=hive_type(one.type)) for one in (*COLUMNS, LABELS)],
                    input_format=f"{_HADOOP}.MapredParquetInputFormat",
                    output_format=f"{_HADOOP}.MapredParquetOutputFormat",
                    serde_info=glue.CfnTable.SerdeInfoProperty(
                        serialization_library=f"{_HADOOP}.serde.ParquetHiveSerDe", parameters={"serialization.format": "1"}
                    ),
                ),
            ),
        )
        table.add_resource_dependency(database)


def hive_type(kind: pa.DataType) -> str:
    """A column's type as Hive writes it. Raises SchemaError for one that no column has had yet."""
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_list(kind):
        return f"array<{hive_type(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{one.name}:{hive_type(one.type)}' for one in kind)}>"
    raise SchemaError(f"no Hive type is known for {kind}; teach infra/catalog.py how Athena is to read it")


def _projection(location: str) -> dict[str, str]:
    """Athena computes a day's folder from its name. To tomorrow: a day begins earlier in the east than in UTC."""
    day = f"projection.{places.PARTITION}"
    return {
        "projection.enabled": "true",
        f"{day}.type": "date",
        f"{day}.format": "yyyy-MM-dd",
        f"{day}.range": f"{FIRST_DAY},NOW+1DAYS",
        f"{day}.interval": "1",
        f"{day}.interval.unit": "DAYS",
        "storage.location.template": f"{location}{places.PARTITION}=${{{places.PARTITION}}}/",
    }
