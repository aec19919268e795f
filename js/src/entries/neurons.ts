/** NeuronsWidget, as anywidget loads it. */
import "../styles/neurons.css";
import { liveWidget } from "../host/live-widget";
import { NeuronsStore } from "../views/neurons/store";
import { renderNeurons } from "../views/neurons/view";

export default liveWidget((model, ended) => new NeuronsStore(model, ended), renderNeurons);
