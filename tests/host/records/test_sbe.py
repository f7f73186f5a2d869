"""The SBE schema in docs/ against the codec: another decoder would read the same slots."""

import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tickgate.records import codec
from tickgate.records.schema import RECORDS, WIDTHS

SCHEMA = Path(__file__).parents[3] / "docs" / "tickgate-records.xml"
SBE = "{http://fixprotocol.io/2016/sbe}"
CODES = {"uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q", "int32": "i", "char": "1s"}


@pytest.fixture(scope="module")
def root():
    return ET.parse(SCHEMA).getroot()


def test_the_header_is_that_of_sbe(root):
    assert root.tag == SBE + "messageSchema"
    assert (root.get("id"), root.get("version")) == (str(0x5447), "2")
    assert root.get("byteOrder") == "littleEndian"
    header = root.find("types/composite[@name='messageHeader']")
    assert [t.get("name") for t in header] == ["blockLength", "templateId", "schemaId", "version"]


def _value(kind, number):
    text = ("qwertyuiopasdf" * 3)[:WIDTHS[kind]]
    if kind.startswith("data"):
        return text.encode()
    return text if kind.startswith("char") else number


def is_text(field):
    return field.get("type").startswith("char")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_a_decoder_made_from_the_schema_reads_a_slot(root, record):
    values = {field.name: _value(field.kind, number + 1)
              for number, field in enumerate(record.fields)}
    data = codec.slot(record, codec.pack(record, **values), 4242)
    lengths = {t.get("name"): f"{t.get('length')}s" for t in root.findall("types/type")}
    message = root.find(f"{SBE}message[@name='{record.name}']")
    assert message.get("id") == str(record.template)
    assert message.get("blockLength") == str(struct.unpack_from("<H", data)[0])
    read = {}
    for field in message:
        code = CODES.get(field.get("type")) or lengths[field.get("type")]
        value = struct.unpack_from("<" + code, data, 8 + int(field.get("offset")))[0]
        read[field.get("name")] = value.decode() if is_text(field) else value
    assert read == values | {"ring_sequence": 4242}
