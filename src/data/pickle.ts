/**
 * A reader of pickles that executes nothing. It knows the opcodes of protocol 2 that Python 2, and Python 3 with
 * `protocol=2`, write for dictionaries of text, bytes, numbers, lists, tuples and numpy arrays of bytes (what CIFAR's Python
 * version consists of), and refuses all others by name.
 */

import { type DecodeOptions, Source } from '../sparse/files/source.js';

/** A numpy array of dtype u8, in C order. */
export class ByteArray {
  shape: readonly number[] = [0];
  data: Uint8Array = new Uint8Array(0);
}

/** What Python calls by this name when it loads the file: here a token without effect. */
class Global {
  constructor(readonly name: string) {}
}
/** numpy's dtype of unsigned bytes, the only one that is read. */
class ByteType {}

export type PickleDict = Map<string, PickleValue>;
/** Lists and tuples are arrays, `bytes` (Python 2: `str`) are byte arrays. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PickleValue[]
  | PickleDict
  | ByteArray
  | Global
  | ByteType;

const ENCODE = '_codecs.encode';
const RECONSTRUCT = ['numpy.core.multiarray._reconstruct', 'numpy._core.multiarray._reconstruct'];
const GLOBALS = [ENCODE, ...RECONSTRUCT, 'numpy.ndarray', 'numpy.dtype'];

/** Opcodes that other pickles contain, for messages. */
const REFUSED: Record<number, string> = {
  129: 'NEWOBJ',
  130: 'EXT1',
  131: 'EXT2',
  132: 'EXT4',
  147: 'STACK_GLOBAL',
  149: 'FRAME',
  70: 'FLOAT',
  71: 'BINFLOAT',
  73: 'INT',
  76: 'LONG',
  80: 'PERSID',
  81: 'BINPERSID',
  105: 'INST',
  111: 'OBJ',
};

/**
 * The dictionary in a pickle of protocol 2, its keys as text.
 *
 * @throws FormatError naming the byte where something else stands: another opcode, a name outside numpy's arrays, an array of
 * another dtype or in Fortran order, the end of the file
 */
export function decodePickle(file: Uint8Array, options: DecodeOptions = {}): PickleDict {
  return new Unpickler(Source.of(file, 'pickle', options)).run();
}

/** Text of a string or of bytes, which Python 2 does not tell apart. */
export function pickleText(value: PickleValue | undefined): string | null {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? latin1(value) : null;
}

class Unpickler {
  private at = 0;
  /** Where the opcode in hand stands, for messages. */
  private from = 0;
  private readonly view: DataView;
  private readonly stack: PickleValue[] = [];
  /** Heights of the stack at the marks that are open. */
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(private readonly source: Source) {
    const { bytes } = source;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): PickleDict {
    for (;;) {
      this.from = this.at;
      const code = this.u8();
      if (code === 0x2e) break; // STOP
      const step = OPCODES[code];
      if (!step) {
        const name = REFUSED[code] ?? `0x${code.toString(16).padStart(2, '0')}`;
        throw this.error('an opcode of data alone', `the opcode ${name}, which is not read`);
      }
      step(this);
    }
    const result = this.pop();
    if (!(result instanceof Map)) throw this.error('a dictionary as the whole', 'something else');
    return result;
  }

  error(expected: string, got: string) {
    return this.source.error(`byte ${this.from}`, expected, got);
  }

  private take(bytes: number): number {
    const from = this.at;
    if (from + bytes > this.view.byteLength) throw this.error(`${bytes} more bytes`, 'the end of the file');
    this.at += bytes;
    return from;
  }
  u8 = () => this.view.getUint8(this.take(1));
  u16 = () => this.view.getUint16(this.take(2), true);
  u32 = () => this.view.getUint32(this.take(4), true);
  i32 = () => this.view.getInt32(this.take(4), true);

  bytes(length: number): Uint8Array {
    const from = this.take(length);
    return this.source.bytes.subarray(from, from + length);
  }
  text(length: number): string {
    this.source.claim(2 * length, `byte ${this.from}`, `a text of ${length} bytes`);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.bytes(length));
    } catch (error) {
      throw error instanceof TypeError ? this.error('text in UTF-8', 'other bytes') : error;
    }
  }
  line(): string {
    const end = this.source.bytes.indexOf(10, this.at);
    if (end < 0 || end - this.at > 200) throw this.error('a name of at most 200 bytes', 'no end of line');
    const line = latin1(this.bytes(end - this.at));
    this.at++;
    return line;
  }

  push(value: PickleValue): void {
    this.stack.push(value);
  }
  pop(): PickleValue {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) throw this.error('a value on the stack', 'none');
    return this.stack.pop()!;
  }
  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }
  mark(): void {
    this.marks.push(this.stack.length);
  }
  /** The values since the last mark. */
  popMark(): PickleValue[] {
    const height = this.marks.pop();
    if (height === undefined) throw this.error('a mark on the stack', 'none');
    return this.stack.splice(height);
  }
  /** The last values, the first pushed first. */
  tuple(length: number): void {
    this.push(Array.from({ length }, () => this.pop()).reverse());
  }
  put(index: number): void {
    this.memo.set(index, this.top());
  }
  get(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw this.error('a value stored before', `number ${index}, which is not`);
    this.push(value);
  }

  append(values: PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw this.error('a list to append to', 'something else');
    for (const value of values) list.push(value);
  }
  setItems(values: PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map) || values.length % 2 !== 0)
      throw this.error('keys and values of a dictionary', 'others');
    for (let i = 0; i < values.length; i += 2) {
      const key = pickleText(values[i]);
      if (key === null) throw this.error('a key of text or bytes', 'another');
      dict.set(key, values[i + 1]);
    }
  }

  global(): void {
    const name = `${this.line()}.${this.line()}`;
    if (!GLOBALS.includes(name))
      throw this.error(`one of ${GLOBALS.join(', ')}`, `the name ${name}, which is not read`);
    this.push(new Global(name));
  }
  /** What a call of one of the known names would give. */
  reduce(): void {
    const args = this.pop();
    const called = this.pop();
    if (!(called instanceof Global) || !Array.isArray(args))
      throw this.error('a call of a known name', 'something else');
    if (called.name === ENCODE) this.push(this.encoded(args));
    else if (RECONSTRUCT.includes(called.name)) this.push(new ByteArray());
    else if (called.name === 'numpy.dtype' && pickleText(args[0]) === 'u1') this.push(new ByteType());
    else throw this.error('numpy arrays of dtype u1', `${called.name} of ${pickleText(args[0]) ?? 'something else'}`);
  }
  private encoded([text, encoding]: PickleValue[]): Uint8Array {
    if (typeof text !== 'string' || encoding !== 'latin1') throw this.error('bytes as latin1 text', 'something else');
    this.source.claim(text.length, `byte ${this.from}`, `${text.length} bytes`);
    return Uint8Array.from({ length: text.length }, (_, i) => {
      const code = text.charCodeAt(i);
      if (code > 255) throw this.error('bytes as latin1 text', `the character ${code}`);
      return code;
    });
  }
  /** Gives an array its contents: (version, shape, dtype, Fortran order, bytes). A dtype's state adds nothing to `u1`. */
  build(): void {
    const state = this.pop();
    const target = this.top();
    if (target instanceof ByteType && Array.isArray(state)) return;
    if (!(target instanceof ByteArray) || !Array.isArray(state)) throw this.error("an array's state", 'another');
    const [, shape, dtype, fortran, data] = state;
    if (!(dtype instanceof ByteType) || fortran !== false || !(data instanceof Uint8Array) || !isShape(shape))
      throw this.error('an array of dtype u1 in C order', 'another');
    const size = shape.reduce((product, axis) => product * axis, 1);
    if (size !== data.length) throw this.error(`${size} bytes for the shape ${shape.join(' x ')}`, `${data.length}`);
    target.shape = shape;
    target.data = data;
  }
}

const OPCODES: Record<number, (u: Unpickler) => void> = {
  128: (u) => {
    const protocol = u.u8();
    if (protocol !== 2) throw u.error('protocol 2', `${protocol}`);
  },
  40: (u) => u.mark(), // MARK
  41: (u) => u.push([]), // EMPTY_TUPLE
  74: (u) => u.push(u.i32()), // BININT
  75: (u) => u.push(u.u8()), // BININT1
  77: (u) => u.push(u.u16()), // BININT2
  78: (u) => u.push(null), // NONE
  82: (u) => u.reduce(), // REDUCE
  84: (u) => u.push(u.bytes(u.u32())), // BINSTRING
  85: (u) => u.push(u.bytes(u.u8())), // SHORT_BINSTRING
  88: (u) => u.push(u.text(u.u32())), // BINUNICODE
  93: (u) => u.push([]), // EMPTY_LIST
  97: (u) => u.append([u.pop()]), // APPEND
  98: (u) => u.build(), // BUILD
  99: (u) => u.global(), // GLOBAL
  101: (u) => u.append(u.popMark()), // APPENDS
  104: (u) => u.get(u.u8()), // BINGET
  106: (u) => u.get(u.u32()), // LONG_BINGET
  113: (u) => u.put(u.u8()), // BINPUT
  114: (u) => u.put(u.u32()), // LONG_BINPUT
  115: (u) => u.setItems([u.pop(), u.pop()].reverse()), // SETITEM
  116: (u) => u.push(u.popMark()), // TUPLE
  117: (u) => u.setItems(u.popMark()), // SETITEMS
  125: (u) => u.push(new Map()), // EMPTY_DICT
  133: (u) => u.tuple(1), // TUPLE1
  134: (u) => u.tuple(2), // TUPLE2
  135: (u) => u.tuple(3), // TUPLE3
  136: (u) => u.push(true), // NEWTRUE
  137: (u) => u.push(false), // NEWFALSE
};

function isShape(value: PickleValue): value is number[] {
  return Array.isArray(value) && value.every((axis) => typeof axis === 'number' && axis >= 0);
}

function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}
