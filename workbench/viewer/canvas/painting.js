// Values to greys, to the digit as data.pixels.apply_window gives them: float32, halves to even.

const OFFSETS = { uint8: 0, uint16: 0, int16: 32768 };
const SIZES = { uint8: 256, uint16: 65536, int16: 65536 };
const CIVIDIS = [0x00224e, 0x123570, 0x3b496c, 0x575d6d, 0x707173, 0x8a8678, 0xa59c74, 0xc3b369, 0xe1cc55, 0xfee838];
const single = Math.fround;

function even(value) {
  const below = Math.floor(value), rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2) ? below + 1 : below;
}

/** A function from a value to its grey, 0 to 255, in a window [centre, width]. */
export function grey([centre, width]) {
  const middle = single(centre - 0.5), span = Math.max(width - 1, 0);
  if (span === 0) return (value) => (single(value) > middle ? 255 : 0);
  const slope = single(255 / span);
  return (value) => {
    const scaled = single(single(single(single(value) - middle) * slope) + single(127.5));
    return even(Math.min(Math.max(scaled, 0), 255)) || 0;
  };
}

const opaque = (level) => (0xff000000 | (level << 16) | (level << 8) | level) >>> 0;
let table = { key: "" };

function tableOf(dtype, window, inverted) {
  const key = `${dtype} ${window} ${inverted}`;
  if (table.key !== key) {
    const shade = grey(window), offset = OFFSETS[dtype], colours = new Uint32Array(SIZES[dtype]);
    for (let i = 0; i < colours.length; i++) colours[i] = opaque(Math.abs(shade(i - offset) - (inverted ? 255 : 0)));
    table = { key, colours };
  }
  return table.colours;
}

/** Paint values into the pixels of a canvas (one uint32 each, RGBA in memory). */
export function paint(pixels, values, dtype, window, inverted) {
  if (dtype === "rgb") {
    const turn = inverted ? 0xffffff : 0;
    for (let i = 0, from = 0; i < pixels.length; i++, from += 3)
      pixels[i] = 0xff000000 | (((values[from + 2] << 16) | (values[from + 1] << 8) | values[from]) ^ turn);
  } else if (dtype in OFFSETS) {
    const colours = tableOf(dtype, window, inverted), offset = OFFSETS[dtype];
    for (let i = 0; i < pixels.length; i++) pixels[i] = colours[values[i] + offset];
  } else {
    const shade = grey(window), turn = inverted ? 255 : 0;
    for (let i = 0; i < pixels.length; i++) pixels[i] = opaque(Math.abs(shade(values[i]) - turn));
  }
}

/** `#rrggbb` and an opacity as one pixel. */
export function pixel(colour, opacity) {
  const rgb = parseInt(colour.slice(1), 16);
  return ((Math.round(opacity * 255) << 24) | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}

/** A heat map as a canvas: cividis, the more the less of the picture shows. */
export function heatCanvas(bytes, [rows, columns]) {
  const canvas = new OffscreenCanvas(columns, rows), context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows), pixels = new Uint32Array(image.data.buffer);
  new Uint8Array(bytes).forEach((heat, i) => {
    const at = (heat / 255) * (CIVIDIS.length - 1), low = Math.min(Math.floor(at), CIVIDIS.length - 2);
    const mixed = [16, 8, 0].map((shift) => {
      const [from, to] = [CIVIDIS[low], CIVIDIS[low + 1]].map((colour) => (colour >> shift) & 255);
      return Math.round(from + (to - from) * (at - low));
    });
    pixels[i] = ((heat << 24) | (mixed[2] << 16) | (mixed[1] << 8) | mixed[0]) >>> 0;
  });
  context.putImageData(image, 0, 0);
  return canvas;
}
