/** RankingsWidget, as anywidget loads it. */
import "../styles/rankings.css";
import { liveWidget } from "../host/live-widget";
import { RankingsStore } from "../views/rankings/store";
import { renderRankings } from "../views/rankings/view";

export default liveWidget((model, ended) => new RankingsStore(model, ended), renderRankings);
