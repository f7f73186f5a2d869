"""Tables: AG Grid with our columns, updated in place so that a reader keeps the scroll and the
selection."""

from collections.abc import Sequence
from typing import Any

from nicegui import ui

NUMBER = {"type": "rightAligned", "cellClass": "num"}


def column(field: str, title: str, width: int, **options: Any) -> dict[str, Any]:
    """One column."""
    return {
        "field": field,
        "headerName": title,
        "width": width,
        "sortable": True,
        "resizable": True,
        **options,
    }


def number(field: str, title: str, width: int, **options: Any) -> dict[str, Any]:
    """A column of figures, right aligned."""
    return column(field, title, width, **NUMBER, **options)


class Table:
    """A grid whose rows have a text ``id``; ``show`` replaces them and leaves unchanged cells
    alone."""

    def __init__(self, columns: Sequence[dict[str, Any]], height: str, marker: str) -> None:
        self._rows: list[dict[str, Any]] = []
        self._grid = (
            ui.aggrid(
                {
                    "columnDefs": list(columns),
                    "rowData": [],
                    ":getRowId": "(params) => params.data.id",
                    "rowHeight": 28,
                    "headerHeight": 32,
                    "suppressCellFocus": True,
                    "animateRows": False,
                    "overlayNoRowsTemplate": "Nothing yet",
                },
                auto_size_columns=False,
            )
            .style(f"height:{height}; width:100%")
            .mark(marker)
        )

    def show(self, rows: list[dict[str, Any]]) -> None:
        """Show these rows."""
        if rows == self._rows:
            return
        self._rows = rows
        self._grid.options["rowData"] = rows
        self._grid.run_grid_method("setGridOption", "rowData", rows)
