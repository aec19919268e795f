/** LayerPredictionsWidget, as anywidget loads it. */
import "../styles/layer-predictions.css";
import { liveWidget } from "../host/live-widget";
import { LayerPredictionsStore } from "../views/layer-predictions/store";
import { renderLayerPredictions } from "../views/layer-predictions/view";

export default liveWidget((model, ended) => new LayerPredictionsStore(model, ended), renderLayerPredictions);
