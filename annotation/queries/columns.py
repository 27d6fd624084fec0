"""The columns of our own exports, by which an import knows them again. Nothing else is loaded with them."""

TEXT, INTEGER, FLOAT, JSON, TEXTS, SPANS, TIME = "text", "int", "float", "json", "texts", "spans", "time"

ANSWER_COLUMNS = {
    "item_id": INTEGER,
    "external_id": TEXT,
    "text": TEXT,
    "annotator": TEXT,
    "label": TEXT,
    "labels": TEXTS,
    "spans": SPANS,
    "seconds": FLOAT,
    "comment": TEXT,
    "kind": TEXT,
    "round": TEXT,
    "guideline_version": INTEGER,
    "created": TIME,
    "suggestion": JSON,
}
ITEM_COLUMNS = {
    "id": INTEGER,
    "external_id": TEXT,
    "text": TEXT,
    "meta": JSON,
    "round": TEXT,
    "label": TEXT,
    "label_source": TEXT,
    "confidence": FLOAT,
    "state": TEXT,
    "provenance": TEXT,
    "imported_label": TEXT,
    "imported_labels": TEXTS,
    "imported_spans": SPANS,
    "created": TIME,
}
