/** Runs to look at: tokens as the kernel would send them. */

function tokens(texts, n_prompt, { special = [], fragments = [], first_position = 1 } = {}) {
  return {
    texts,
    ids: texts.map((_, i) => 100 + ((i * 37) % 4000)),
    n_prompt,
    special,
    fragments,
    first_position,
    kind: "causal",
    n_source: 0,
    segments: [{ name: "text", start: 0, stop: texts.length }],
    explainable: texts.map((_, i) => i).slice(first_position),
  };
}

const countries = [
  ["The", " countries", " of", " the", " European", " Union", " are", ":", "\n", "1", ".", " Austria", "\n", "2", ".", " Belgium"],
  ["\n", "3", ".", " Bulgaria", "\n", "4", "."],
  [" Croatia", "\n", "5", ".", " Cyprus", "\n", "6", ".", " Denmark", "\n", "7", ".", " Estonia", "\n"],
].flat();

const prose =
  "The committee that reviewed the proposals had agreed on most of the points before the hearing began , and the members " +
  "who had been absent were told of the outcome by letter . Nobody expected that the minister would withdraw the bill on " +
  "the following morning .";

function words(count) {
  const vocabulary = prose.split(" ");
  return Array.from({ length: count }, (_, i) => {
    const word = vocabulary[(i * 7 + (i >> 3)) % vocabulary.length];
    if (i > 0 && i % 61 === 0) return "\n";
    return /[,.]/.test(word) || i === 0 ? word : ` ${word}`;
  });
}

/** Runs of models that are not causal. */
const masked = tokens([..."[CLS]|The| keys| to| the| cabinet| are| on| the| table|.|[SEP]".split("|")], 12, { special: [0, 11] });
const source = ["The", " keys", " are", " on", " the", " table", ".", "</s>"];
const output = ["<pad>", "Die", " Schlüssel", " liegen", " auf", " dem", " Tisch", ".", "</s>"];
const translation = tokens([...source, ...output], source.length + 1, { special: [7, 8, 16], first_position: 9 });
const review = [..."A| warm|,| funny| film| with| a| weak| ending|.".split("|")];
const classes = tokens([...review, "negative", "neutral", "positive"], review.length, { first_position: review.length });

export const texts = {
  masked: { ...masked, kind: "masked", explainable: masked.texts.map((_, i) => i).slice(1, 11) },
  translation: {
    ...translation,
    kind: "seq2seq",
    n_source: source.length,
    segments: [
      { name: "source", start: 0, stop: source.length },
      { name: "output", start: source.length, stop: source.length + output.length },
    ],
  },
  review: {
    ...classes,
    kind: "classification",
    segments: [
      { name: "text", start: 0, stop: review.length },
      { name: "classes", start: review.length, stop: review.length + 3 },
    ],
  },
  countries: tokens(countries, 23),
  agreement: tokens([..."The| keys| to| the| old| cabin|et| in| the| hall| are| on| the| table|.".split("|")], 10),
  prose: tokens([...prose.split(" ").map((w, i) => (i && !/[,.]/.test(w) ? ` ${w}` : w))], 38),
  long: tokens(words(600), 560),
  words2000: tokens(words(2000), 1960),
  words5000: tokens(words(5000), 4960),
  fragments: tokens(
    ["<|endoftext|>", "Caf", "é", " in", " 東", "京", "", "", " says", " 🙂", "", "", " and", " 👩‍🚀", "", "", "", "", ",", " naïve", " —", " “", "so", "”", ".", "\n", "مر", "حبا", "!", " ", "\ufffd"],
    19,
    { special: [0], fragments: [[5, 3], [9, 3], [13, 5]] },
  ),
  code: tokens(
    ["def", " f", "(", "x", "):", "\n", "   ", " if", " x", ">", "0", ":", "  ", "#", " note", "\n", "\t", "\t", "return", " x", "\n\n", "print", "(", "f", "(", "1", "))", " ", "\n", "<b>", "&amp;", "<script>", "alert(1)", "</script>", "\u200b", "\u202eabc"],
    21,
  ),
};
