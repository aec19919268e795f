/** A few columns, so small that their heights are all they say; each tells more when it is pointed at. */
interface Column {
  readonly value: number;
  readonly title: string;
}

interface ChartProps {
  columns: readonly Column[];
  /** What assistive technology calls it. */
  label: string;
  /** Under the first and the last column. */
  ends: readonly [string, string];
  /** Heights grow with the logarithm: rare values are seen beside frequent ones. */
  logarithmic?: boolean;
}

export function ColumnChart({ columns, label, ends, logarithmic = false }: ChartProps) {
  const size = (value: number) => (logarithmic ? Math.log1p(value) : value);
  const most = Math.max(...columns.map(({ value }) => size(value)), 0);
  return (
    <span class="ew-column-chart" role="img" aria-label={`${label}: ${columns.map(({ title }) => title).join("; ")}`}>
      <span class="ew-columns-row">
        {columns.map(({ value, title }) => (
          <span key={title} class="ew-column" title={title}>
            <span
              class="ew-column-fill"
              style={{ height: `${most > 0 && value > 0 ? Math.max(4, (100 * size(value)) / most) : 0}%` }}
            />
          </span>
        ))}
      </span>
      <span class="ew-column-ends">
        <span>{ends[0]}</span>
        <span>{columns.length > 1 ? ends[1] : ""}</span>
      </span>
    </span>
  );
}
