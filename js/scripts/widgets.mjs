/** The widgets: each has an entry in `src/entries/` and becomes `<name>.js` and `<name>.css`. */
export const WIDGETS = ["attribution", "layer_predictions", "rankings", "rankings_watch", "factors", "neurons"];
