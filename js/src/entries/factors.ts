/** FactorsWidget, as anywidget loads it. */
import "../styles/factors.css";
import { liveWidget } from "../host/live-widget";
import { FactorsStore } from "../views/factors/store";
import { renderFactors } from "../views/factors/view";

export default liveWidget((model, ended) => new FactorsStore(model, ended), renderFactors);
