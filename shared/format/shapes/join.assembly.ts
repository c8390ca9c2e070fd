import { NEWLINE, TAB } from '../columns/layout.assembly';
import { GROUP, GROUP_SHAPE, GROUP_SHAPE_END, GROUP_VALUES, GROUP_VALUES_END } from './layout.assembly';

/**
 * Puts values back into shapes.
 *
 * @param numbers the group of each line, u8
 * @param groups a record for each group, in which the start of its values moves on; behind each shape is one more tab
 * @param out where the lines go, `room` bytes
 * @returns how many bytes they have; -1 if values are not those of the shapes, or do not fit
 */
export function joinLines(numbers: usize, rows: u32, groups: usize, count: u32, out: usize, room: u32): i32 {
  const tabs = i8x16.splat(<i8>TAB);
  const newlines = i8x16.splat(<i8>NEWLINE);
  const end = out + room;
  let to = out;
  for (let row: u32 = 0; row < rows; row++) {
    const number = <u32>load<u8>(numbers + row);
    if (number >= count) return -1;
    const group = groups + <usize>number * GROUP;
    const shapeEnd = load<u32>(group, GROUP_SHAPE_END);
    const valuesEnd = load<u32>(group, GROUP_VALUES_END);
    let sign: usize = load<u32>(group, GROUP_SHAPE);
    let value: usize = load<u32>(group, GROUP_VALUES);
    let before: u32 = TAB;
    for (;;) {
      for (;;) {
        if (to > end) return -1;
        const data = v128.load(sign);
        v128.store(to, data);
        const mask = <u32>i8x16.bitmask(i8x16.eq(data, tabs));
        const copied: u32 = mask == 0 ? 16 : ctz(mask);
        sign += copied;
        to += copied;
        if (mask != 0) break;
      }
      if (sign == shapeEnd) break;
      if (before != TAB) return -1;
      sign++;
      for (;;) {
        if (to > end) return -1;
        const data = v128.load(value);
        v128.store(to, data);
        const mask = <u32>i8x16.bitmask(v128.or(i8x16.eq(data, tabs), i8x16.eq(data, newlines)));
        const copied: u32 = mask == 0 ? 16 : ctz(mask);
        value += copied;
        to += copied;
        if (value >= valuesEnd) return -1;
        if (mask != 0) break;
      }
      before = <u32>load<u8>(value);
      value++;
    }
    if (before != NEWLINE) return -1;
    if (to >= end) return -1;
    store<u8>(to, <u8>NEWLINE);
    to++;
    store<u32>(group, <u32>value, GROUP_VALUES);
  }
  return <i32>(to - out);
}
