/** The numbers of a small map as a table, for those who can't see the picture. */
import { onAbort } from "../../host/listen";

/** Larger maps are read cell by cell with the keyboard. */
export const LARGEST_TABLE = 400;

const RESTED_MS = 300;

export interface TableContent {
  readonly caption: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** What a cell says, by its index. */
  text(index: number): string;
}

export function buildTable({ caption, rows, columns, text }: TableContent): HTMLTableElement {
  const table = document.createElement("table");
  table.createCaption().textContent = caption;
  const heading = (parent: HTMLTableRowElement, label: string, scope: "row" | "col") => {
    const cell = document.createElement("th");
    cell.scope = scope;
    cell.textContent = label;
    parent.append(cell);
  };
  const head = table.createTHead().insertRow();
  head.insertCell();
  for (const label of columns) heading(head, label, "col");
  const body = table.createTBody();
  rows.forEach((label, row) => {
    const line = body.insertRow();
    heading(line, label, "row");
    columns.forEach((_, column) => {
      line.insertCell().textContent = text(row * columns.length + column);
    });
  });
  return table;
}

/** Holds the table, unseen. It is written when the numbers have rested for a moment. */
export class UnseenTable {
  readonly element = document.createElement("div");
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ended: AbortSignal) {
    this.element.className = "ew-unseen";
    onAbort(ended, () => clearTimeout(this.#timer));
  }

  write(content: TableContent): void {
    clearTimeout(this.#timer);
    const small = content.rows.length * content.columns.length <= LARGEST_TABLE;
    if (!small) this.element.replaceChildren();
    else this.#timer = setTimeout(() => this.element.replaceChildren(buildTable(content)), RESTED_MS);
  }
}
