/** RankingsWatchWidget, as anywidget loads it. */
import "../styles/rankings-watch.css";
import { liveWidget } from "../host/live-widget";
import { RankingsWatchStore } from "../views/rankings-watch/store";
import { renderRankingsWatch } from "../views/rankings-watch/view";

export default liveWidget((model, ended) => new RankingsWatchStore(model, ended), renderRankingsWatch);
