/** AttributionWidget, as anywidget loads it. */
import "../styles/attribution.css";
import { liveWidget } from "../host/live-widget";
import { AttributionStore } from "../views/attribution/store";
import { renderAttribution } from "../views/attribution/view";

export default liveWidget((model, ended) => new AttributionStore(model, ended), renderAttribution);
