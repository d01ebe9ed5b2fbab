"""The table that Athena asks: every column of the dataset in Hive's words, and days where the lake keeps them."""

import json
from datetime import date
from typing import Any

import pyarrow as pa
import pytest

from cli.local_cloud import LocalCloud
from infra.catalog import hive_type
from politico.dataset.days import COLUMNS, LABELS
from politico.errors import SchemaError
from politico.lake import places
from tests.support.template import Template

HIVE = {
    "id_str": "string",
    "created_at": "timestamp",
    "screen_name": "string",
    "name": "string",
    "office": "string",
    "coalition": "string",
    "party": "string",
    "text": "string",
    "hashtags": "array<string>",
    "entities": "array<struct<text:string,type:string,score:double>>",
    "key_phrases": "array<struct<text:string,score:double>>",
    "sentiment": "string",
    "sentiment_score": "struct<positive:double,negative:double,neutral:double,mixed:double>",
    "lang": "string",
    "source": "string",
    "edited": "boolean",
    "labels": "array<struct<name:string,items:array<string>>>",
}
"""Written out: what a query relies on. A new column of the dataset stands here before it stands in Athena."""


def table_of(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = template.resolve(template.one("AWS::Glue::Table"), {})
    return found


def test_every_column_has_its_hive_type_and_none_is_forgotten(template: Template) -> None:
    columns = table_of(template)["TableInput"]["StorageDescriptor"]["Columns"]
    assert {one["Name"]: one["Type"] for one in columns} == HIVE
    assert [one["Name"] for one in columns] == [*COLUMNS.names, LABELS.name]


@pytest.mark.parametrize(
    ("kind", "hive"),
    [
        (pa.int64(), "bigint"),
        (pa.int32(), "int"),
        (pa.float32(), "float"),
        (pa.date32(), "date"),
        (pa.timestamp("ms", tz="UTC"), "timestamp"),
        (pa.list_(pa.list_(pa.bool_())), "array<array<boolean>>"),
        (pa.struct([("a", pa.struct([("b", pa.int64())]))]), "struct<a:struct<b:bigint>>"),
    ],
    ids=str,
)
def test_types_nest_as_hive_writes_them(kind: pa.DataType, hive: str) -> None:
    assert hive_type(kind) == hive


@pytest.mark.parametrize("kind", [pa.list_(pa.duration("s")), pa.null(), pa.uint64()], ids=str)
def test_a_type_that_athena_could_not_read_is_refused(kind: pa.DataType) -> None:
    with pytest.raises(SchemaError, match="no Hive type is known for"):
        hive_type(kind)


def test_athena_looks_for_a_day_just_where_the_lake_keeps_it(template: Template) -> None:
    table = table_of(template)["TableInput"]
    (partition,) = table["PartitionKeys"]
    assert partition == {"Name": "dt", "Type": "string"}
    assert partition["Name"] not in COLUMNS.names, "a partition and a column of one name is an error in Athena"
    bucket = template.assembly.template["Outputs"]["LakeBucket"]["Value"]["Ref"]
    day = date(2024, 2, 29)
    folder = table["Parameters"]["storage.location.template"].replace("${dt}", day.strftime("%Y-%m-%d"))
    assert f"s3://{bucket}/{places.dataset_day(day)}".rpartition("/")[0] + "/" == folder
    assert table["StorageDescriptor"]["Location"] == f"s3://{bucket}/{places.DATASET}"


def test_days_are_projected_from_the_first_tweet_to_tomorrow(template: Template) -> None:
    parameters = table_of(template)["TableInput"]["Parameters"]
    projection = {name: value for name, value in parameters.items() if name.startswith("projection.")}
    assert projection == {
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": "2006-03-21,NOW+1DAYS",
        "projection.dt.interval": "1",
        "projection.dt.interval.unit": "DAYS",
    }
    assert all(isinstance(value, str) for value in parameters.values()), "Glue takes texts only"


def test_the_table_is_an_external_one_of_parquet(template: Template) -> None:
    table = table_of(template)["TableInput"]
    assert (table["TableType"], table["Parameters"]["classification"]) == ("EXTERNAL_TABLE", "parquet")
    storage = table["StorageDescriptor"]
    formats = (storage["InputFormat"], storage["OutputFormat"], storage["SerdeInfo"]["SerializationLibrary"])
    assert [one.rpartition(".")[2] for one in formats] == [
        "MapredParquetInputFormat",
        "MapredParquetOutputFormat",
        "ParquetHiveSerDe",
    ]


def test_the_outputs_name_database_and_table_of_the_stack(template: Template) -> None:
    outputs = {name: one["Value"] for name, one in template.assembly.template["Outputs"].items()}
    database, table = template.one("AWS::Glue::Database")["DatabaseInput"], table_of(template)
    assert outputs["CatalogDatabase"] == database["Name"] == table["DatabaseName"]
    assert outputs["CatalogTable"] == table["TableInput"]["Name"]
    assert database["Name"].replace("_", "").isalnum()
    assert database["Name"] == database["Name"].lower()


def test_the_local_cloud_has_the_templates_table(cloud: LocalCloud, template: Template) -> None:
    glue = cloud.services().client("glue")
    found = glue.get_table(DatabaseName=cloud.outputs["CatalogDatabase"], Name=cloud.outputs["CatalogTable"])["Table"]
    assert {one["Name"]: one["Type"] for one in found["StorageDescriptor"]["Columns"]} == HIVE
    lake = cloud.outputs["LakeBucket"]
    assert found["StorageDescriptor"]["Location"] == f"s3://{lake}/{places.DATASET}"
    assert found["Parameters"]["storage.location.template"] == f"s3://{lake}/{places.DATASET}dt=${{dt}}/"
    assert "Ref" not in json.dumps(found, default=str)
