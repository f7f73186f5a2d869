"""Tables: AG Grid with our columns, updated in place so that a reader keeps the scroll and the
selection."""

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.elements.aggrid import AgGrid
from nicegui.events import GenericEventArguments

OPTIONS = {
    "rowData": [],
    ":getRowId": "(params) => params.data.id",
    "rowHeight": 28,
    "headerHeight": 32,
    "suppressCellFocus": True,
    "animateRows": False,
    "overlayNoRowsTemplate": "Nothing yet",
    "stopEditingWhenCellsLoseFocus": True,
}
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


def _grid(options: dict[str, Any], height: str, marker: str) -> AgGrid:
    grid = ui.aggrid(options, auto_size_columns=False)
    return grid.style(f"height:{height}; width:100%").mark(marker)


def _replace(grid: AgGrid, rows: list[dict[str, Any]]) -> None:
    """Give the grid new rows in place; a change of its options would build it anew each time."""
    with grid.props.suspend_updates():
        grid.options["rowData"] = rows
    if grid.client.has_socket_connection:
        grid.run_grid_method("setGridOption", "rowData", rows)


class Table:
    """A grid whose rows have a text ``id``; ``show`` replaces them and leaves unchanged cells
    alone."""

    def __init__(self, columns: Sequence[dict[str, Any]], height: str, marker: str) -> None:
        self._rows: list[dict[str, Any]] = []
        self._grid = _grid({**OPTIONS, "columnDefs": list(columns)}, height, marker)

    def show(self, rows: list[dict[str, Any]]) -> None:
        """Show these rows."""
        if rows == self._rows:
            return
        self._rows = rows
        _replace(self._grid, rows)


class EditTable:
    """A grid with editable cells; ``rows`` has the edits, ``edited`` is called after each one."""

    def __init__(
        self,
        columns: Sequence[dict[str, Any]],
        height: str,
        marker: str,
        edited: Callable[[], None],
    ) -> None:
        self.rows: list[dict[str, Any]] = []
        self._edited = edited
        self._grid = _grid({**OPTIONS, "columnDefs": list(columns)}, height, marker)
        self._grid.on("cellValueChanged", self._changed, args=["data"])

    def show(self, rows: list[dict[str, Any]]) -> None:
        """Show these rows and forget the edits."""
        self.rows = rows
        _replace(self._grid, rows)

    def _changed(self, event: GenericEventArguments) -> None:
        changed = event.args["data"]
        self.rows = [changed if row["id"] == changed["id"] else row for row in self.rows]
        self._edited()
