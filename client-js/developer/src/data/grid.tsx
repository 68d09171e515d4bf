// The documents of a table: rows and columns of which only what is in sight is drawn. One cell is the current one; arrow
// keys go from cell to cell, Enter edits.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { PageWindow } from "./page_window.ts";
import { CellEditor } from "./cell_editor.tsx";
import { EditIcon } from "../parts/icons.tsx";
import { fieldValidator } from "./schema.ts";
import { stamp } from "../parts/figures.ts";
import { scrollToRow, useVisibleRows } from "../parts/virtual.tsx";
import { formatLine, preview } from "../values/format.ts";
import type { Validator } from "../values/validator.ts";
import type { Doc, Value } from "../values/value.ts";

const ROW = 33;
const HEAD = 35;
const WIDTHS: Readonly<Record<string, number>> = { _id: 168, _creationTime: 206 };
const WIDTH = 220;
/** Of columns of values that are never long. */
const WIDTH_NARROW = 110;
const NARROW: ReadonlySet<string> = new Set(["boolean", "number", "bigint", "null"]);
const WIDTH_MIN = 60;
const SELECT_WIDTH = 40;
const EDITOR_WIDTH_MIN = 300;

/** A place in the grid. */
interface Cell {
  readonly row: number;
  readonly column: number;
}

/** A value that is being edited. */
interface Edited {
  readonly document: Doc;
  readonly field: string;
  readonly cell: Cell;
}

/** How a cell shows its value. */
export function cellText(field: string, value: Value | undefined): string {
  if (field === "_id") return String(value);
  if (field === "_creationTime" && typeof value === "number") return stamp(value);
  return preview(value);
}

function kindOf(value: Value | undefined): string {
  if (value === undefined) return "unset";
  if (value === null) return "null";
  return typeof value === "object" ? "object" : typeof value;
}

/** The grid. */
export function Grid(props: {
  table: string;
  rows: PageWindow<Doc>;
  columns: readonly string[];
  /** What the schema says documents look like. */
  validator: Validator | null | undefined;
  selected: ReadonlySet<string>;
  onSelect: (ids: readonly string[], isSelected: boolean) => void;
  onOpen: (document: Doc) => void;
  onSave: (document: Doc, field: string, value: Value | undefined) => Promise<void>;
}) {
  const { rows, columns, selected, onOpen } = props;
  const { scroller, first, last } = useVisibleRows(rows.count, ROW, HEAD);
  const [chosen, choose] = useState<Cell & { readonly id?: string | undefined }>({ row: 0, column: 0 });
  const [edited, setEdited] = useState<Edited>();
  const [widths, setWidths] = useState<Readonly<Record<string, number>>>({});
  const body = useRef<HTMLDivElement>(null);
  const lastChecked = useRef<number | undefined>(undefined);
  useEffect(() => rows.look(first, last), [rows, first, last]);

  const isNarrow = (field: string) => NARROW.has(fieldValidator(props.validator, field)?.type ?? "") && field.length < 14;
  const width = (field: string) => widths[field] ?? WIDTHS[field] ?? (isNarrow(field) ? WIDTH_NARROW : WIDTH);
  const template = `${SELECT_WIDTH}px ${columns.map((field) => `${width(field)}px`).join(" ")}`;
  const total = SELECT_WIDTH + columns.reduce((sum, field) => sum + width(field), 0);
  const leftOf = (column: number) => SELECT_WIDTH + columns.slice(0, column).reduce((sum, field) => sum + width(field), 0);

  useLayoutEffect(() => {
    const element = scroller.current;
    scrollToRow(element, chosen.row, ROW, HEAD);
    if (!element || (chosen.column === 0 && element.scrollLeft === 0)) return;
    const left = leftOf(chosen.column) - SELECT_WIDTH;
    const right = leftOf(chosen.column) + width(columns[chosen.column] ?? "");
    if (left < element.scrollLeft) element.scrollLeft = left;
    else if (right > element.scrollLeft + element.clientWidth) element.scrollLeft = right - element.clientWidth;
    // Only when another cell becomes the current one.
  }, [chosen]);

  /** Where a document is now: others may have come before it. */
  const rowOf = (id: string | undefined, before: number): number => {
    if (id === undefined || rows.row(before)?._id === id) return before;
    for (let at = first; at < last; at += 1) if (rows.row(at)?._id === id) return at;
    return before;
  };
  const current: Cell = { row: rowOf(chosen.id, chosen.row), column: chosen.column };
  const setCurrent = (cell: Cell) => choose({ ...cell, id: rows.row(cell.row)?._id });
  const editorWidth = ({ field }: Edited) => Math.max(width(field), EDITOR_WIDTH_MIN);
  /** At its cell, but never beyond the edge of what is in sight. */
  const editorLeft = (one: Edited): number => {
    const edge = (scroller.current?.scrollLeft ?? 0) + (scroller.current?.clientWidth ?? 0) - editorWidth(one);
    return Math.max(Math.min(leftOf(one.cell.column), edge), 0);
  };
  const edit = (cell: Cell) => {
    const document = rows.row(cell.row);
    const field = columns[cell.column];
    if (!document || field === undefined) return;
    if (field.startsWith("_")) onOpen(document);
    else setEdited({ document, field, cell });
  };
  const check = (row: number, isRange: boolean) => {
    const document = rows.row(row);
    if (!document) return;
    const isSelected = !selected.has(document._id);
    const [from, to] = isRange && lastChecked.current !== undefined ? [Math.min(lastChecked.current, row), Math.max(lastChecked.current, row)] : [row, row];
    const ids = [];
    for (let at = from; at <= to; at += 1) {
      const one = rows.row(at);
      if (one) ids.push(one._id);
    }
    lastChecked.current = row;
    props.onSelect(ids, isSelected);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget) return;
    const { row, column } = current;
    const perPage = Math.max(Math.floor(((scroller.current?.clientHeight ?? 0) - HEAD) / ROW) - 1, 1);
    const moves: Readonly<Record<string, Cell>> = {
      ArrowDown: { row: row + 1, column },
      ArrowUp: { row: row - 1, column },
      ArrowRight: { row, column: column + 1 },
      ArrowLeft: { row, column: column - 1 },
      PageDown: { row: row + perPage, column },
      PageUp: { row: row - perPage, column },
      Home: event.ctrlKey ? { row: 0, column: 0 } : { row, column: 0 },
      End: event.ctrlKey ? { row: rows.count - 1, column } : { row, column: columns.length - 1 },
    };
    const to = moves[event.key];
    if (to) {
      setCurrent({ row: Math.max(Math.min(to.row, rows.count - 1), 0), column: Math.max(Math.min(to.column, columns.length - 1), 0) });
    } else if (event.key === "Enter" || event.key === "F2") edit(current);
    else if (event.key === " ") check(row, event.shiftKey);
    else if (event.key === "c" && (event.ctrlKey || event.metaKey)) {
      const value = rows.row(row)?.[columns[column] ?? ""];
      if (value !== undefined) void navigator.clipboard.writeText(typeof value === "string" ? value : formatLine(value));
    } else return;
    event.preventDefault();
  };
  const resize = (field: string, event: PointerEvent) => {
    const handle = event.currentTarget as HTMLElement;
    const [start, before] = [event.clientX, width(field)];
    handle.setPointerCapture(event.pointerId);
    handle.onpointermove = (move) => setWidths((all) => ({ ...all, [field]: Math.max(before + move.clientX - start, WIDTH_MIN) }));
    handle.onpointerup = () => {
      handle.onpointermove = null;
    };
  };

  const present = rows.present();
  const areAllSelected = present.length > 0 && present.every(({ _id }) => selected.has(_id));
  const drawn = [];
  for (let at = first; at < last; at += 1) {
    const document = rows.row(at);
    const isSelected = document !== undefined && selected.has(document._id);
    drawn.push(
      <div key={at} role="row" aria-rowindex={at + 2} aria-selected={isSelected} class={`grid-row${isSelected ? " is-selected" : ""}`}>
        <div role="gridcell" aria-colindex={1} class="grid-select">
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={`Select row ${at + 1}`}
            checked={isSelected}
            disabled={!document}
            onClick={(event: MouseEvent) => check(at, event.shiftKey)}
          />
        </div>
        {columns.map((field, column) => {
          const isCurrent = at === current.row && column === current.column;
          const value = document?.[field];
          return (
            <div
              key={field}
              id={`cell-${at}-${column}`}
              role="gridcell"
              aria-colindex={column + 2}
              class={`grid-cell value-${kindOf(value)}${isCurrent ? " is-current" : ""}${field.startsWith("_") ? " is-system" : ""}`}
              onClick={() => setCurrent({ row: at, column })}
              onDblClick={() => edit({ row: at, column })}
              title={field === "_creationTime" ? String(value) : undefined}
            >
              {document ? cellText(field, value) : <span class="grid-wait" />}
              {document && column === 0 && (
                <button type="button" class="grid-open" tabIndex={-1} aria-label={`Open document ${document._id}`} title="Open the document" onClick={() => onOpen(document)}>
                  <EditIcon />
                </button>
              )}
            </div>
          );
        })}
      </div>,
    );
  }
  return (
    <div ref={scroller} class="grid">
      <div
        ref={body}
        class="grid-body"
        role="grid"
        style={{ width: `${total}px` }}
        aria-label={`Documents of ${props.table}`}
        aria-rowcount={rows.isDone ? rows.count + 1 : -1}
        aria-colcount={columns.length + 1}
        aria-multiselectable="true"
        aria-activedescendant={current.row >= first && current.row < last ? `cell-${current.row}-${current.column}` : undefined}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div role="rowgroup" class="grid-head">
          <div role="row" aria-rowindex={1} class="grid-row" style={{ gridTemplateColumns: template }}>
            <div role="columnheader" aria-colindex={1} class="grid-select">
              <input
                type="checkbox"
                tabIndex={-1}
                aria-label="Select the loaded rows"
                checked={areAllSelected}
                onClick={() => props.onSelect(present.map(({ _id }) => _id), !areAllSelected)}
              />
            </div>
            {columns.map((field, column) => (
              <div key={field} role="columnheader" aria-colindex={column + 2} class="grid-cell">
                {field}
                <span class="grid-resize" onPointerDown={(event: PointerEvent) => resize(field, event)} />
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" class="grid-space" style={{ height: `${rows.count * ROW}px` }}>
          <div class="grid-rows" role="presentation" style={{ "--columns": template, transform: `translateY(${first * ROW}px)` }}>
            {drawn}
          </div>
        </div>
      </div>
      {edited && (
        <CellEditor
          key={`${edited.document._id} ${edited.field}`}
          field={edited.field}
          value={edited.document[edited.field]}
          top={HEAD + rowOf(edited.document._id, edited.cell.row) * ROW}
          left={editorLeft(edited)}
          width={editorWidth(edited)}
          onSave={(value) => props.onSave(edited.document, edited.field, value)}
          onClose={() => {
            setEdited(undefined);
            body.current?.focus({ preventScroll: true });
          }}
        />
      )}
    </div>
  );
}
