/** The articles' figure: a row for each layer, a column for each watched token, its rank in a coloured cell. */

import type { Theme } from "../../charts/color";
import { formatCompact } from "../../charts/compact";
import { rankStrength, worstRank } from "../../charts/intervals";
import { sequentialTable, stepOf } from "../../charts/sequential";
import { seriesColor } from "../../charts/series";
import { TokenText } from "../../ui/token-chip";
import { cellSentence, preferred } from "./describe";
import type { WatchedToken } from "./store";

interface FigureProps {
  tokens: readonly WatchedToken[];
  /** Layers from the top row to the bottom row. */
  shown: readonly number[];
  names: readonly string[];
  vocabulary: number;
  theme: Theme;
  faded: boolean;
  /** Id of the token that stands there. */
  actual: number | null;
}

export function ColumnsFigure({ tokens, shown, names, vocabulary, theme, faded, actual }: FigureProps) {
  return (
    <div class="ew-columns-box">
      <table class="ew-columns" data-faded={faded} aria-label="Rank of each watched token at each layer">
        <thead>
          <tr>
            <td class="ew-columns-corner" />
            {tokens.map((token) => (
              <th
                key={token.id}
                scope="col"
                class={token.id === actual ? "ew-actual-head" : ""}
                style={{ "--ew-mark": seriesColor(token.place) }}
                title={token.id === actual ? "the token that stands there" : ""}
              >
                <TokenText text={token.text} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((layer) => (
            <Row key={layer} {...{ tokens, layer, vocabulary, theme }} name={names[layer] ?? `layer ${layer}`} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  tokens: readonly WatchedToken[];
  layer: number;
  name: string;
  vocabulary: number;
  theme: Theme;
}

function Row({ tokens, layer, name, vocabulary, theme }: RowProps) {
  const table = sequentialTable("violet", theme);
  const best = preferred(tokens, layer);
  return (
    <tr>
      <th scope="row" class="ew-columns-layer">
        {name}
      </th>
      {tokens.map((token) => {
        const rank = token.column?.ranks[layer];
        const step = rank === undefined ? -1 : stepOf(rankStrength(rank, worstRank(vocabulary)));
        return (
          <td
            key={token.id}
            class={`ew-columns-cell ${token.id === best ? "ew-best" : ""}`}
            data-layer={layer}
            data-id={token.id}
            style={step < 0 ? {} : { background: table.colors[step] ?? "", color: table.inks[step] ?? "" }}
            title={cellSentence(token, layer, name)}
            aria-label={cellSentence(token, layer, name)}
          >
            {rank === undefined ? "…" : formatCompact(rank)}
          </td>
        );
      })}
    </tr>
  );
}
