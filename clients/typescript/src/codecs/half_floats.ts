/** float16, which JavaScript has no array of yet, as float32: every value and every NaN survives both ways. */

export function halvesToFloats(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(halves.length);
  const bits = new Uint32Array(floats.buffer);
  for (let index = 0; index < halves.length; index += 1) {
    const half = halves[index] as number;
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) bits[index] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent > 0) bits[index] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else {
      floats[index] = fraction * 2 ** -24;
      bits[index] = (bits[index] as number) | sign;
    }
  }
  return floats;
}

/** Rounds to the nearest, ties to even, as NumPy does. */
export function bitsOfHalves(floats: Float32Array): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(floats.length);
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  const own = new Uint32Array(floats.buffer.slice(floats.byteOffset, floats.byteOffset + floats.byteLength));
  for (let index = 0; index < floats.length; index += 1) {
    bits[0] = own[index] as number;
    const sign = (bits[0] >>> 16) & 0x8000;
    const size = bits[0] & 0x7fffffff;
    if (size > 0x7f800000) {
      // A NaN keeps what fits of its payload, and stays a NaN.
      halves[index] = sign | 0x7c00 | ((size >> 13) & 0x3ff || 1);
    } else if (size >= 0x47800000) {
      halves[index] = sign | 0x7c00;
    } else if (size < 0x38800000) {
      // Below the normal numbers, the sum with 0.5 rounds to a multiple of 2^-24 by itself.
      bits[0] = size;
      float[0] = (float[0] as number) + 0.5;
      halves[index] = sign | ((bits[0] as number) - 0x3f000000);
    } else {
      const odd = (size >> 13) & 1;
      halves[index] = sign | ((size - 0x38000000 + 0xfff + odd) >> 13);
    }
  }
  return halves;
}
