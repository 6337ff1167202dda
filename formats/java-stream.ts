import { Cursor } from './cursor.js';
import type { FormatError } from './format-error.js';

/**
 * A reader of Java object streams (`ObjectOutputStream`), after the protocol: it reads structure and makes nothing of
 * it. No class name is ever mapped to code. Every length is checked against what is left before anything is
 * allocated, and nesting, handles and elements are limited, so a hostile stream ends in a {@link FormatError}.
 */

export interface JavaField {
  readonly name: string;
  /** First character of the type signature: `B C D F I J S Z` or `L [`. */
  readonly type: string;
}

export interface JavaClass {
  readonly kind: 'class';
  /** Java's name, as `java.util.HashMap` or `[B`; of a proxy its interfaces, joined by commas. */
  readonly name: string;
  readonly uid: bigint;
  readonly flags: number;
  readonly fields: readonly JavaField[];
  readonly parent: JavaClass | null;
}

/** What one class of an object's hierarchy wrote. */
export interface JavaPart {
  readonly class: JavaClass;
  /** Values of the fields, in the order of the class. */
  readonly values: readonly JavaValue[];
  /** What its own write method added: blocks of bytes and objects, in order; blocks in a row are one. */
  readonly extra: readonly (JavaValue | JavaBlock)[];
}

export interface JavaObject {
  readonly kind: 'object';
  readonly class: JavaClass;
  /** From the topmost class down. */
  readonly parts: readonly JavaPart[];
}

export interface JavaArray {
  readonly kind: 'array';
  readonly class: JavaClass;
  /** Of any element type but byte. */
  readonly items: readonly JavaValue[];
  /** Of `byte[]`. */
  readonly bytes: Uint8Array | null;
}

export interface JavaEnum {
  readonly kind: 'enum';
  readonly class: JavaClass;
  readonly name: string;
}

export interface JavaBlock {
  readonly kind: 'block';
  readonly bytes: Uint8Array;
}

/** `char` is a string of one unit, `long` a bigint, the other numbers are numbers. */
export type JavaValue =
  null | boolean | number | bigint | string | JavaObject | JavaArray | JavaEnum | JavaClass;

export interface JavaLimits {
  readonly depth: number;
  readonly handles: number;
  readonly elements: number;
  /**
   * Classes whose own write method does not write the default fields. The protocol has no mark for it, so a stream
   * with such a class can be read only by knowing it.
   */
  readonly withoutDefaultFields?: ReadonlySet<string>;
  /** Sees every class descriptor; throws to refuse the stream, as Java does when a class does not fit its own. */
  readonly checkClass?: (found: JavaClass) => void;
}

const LIMITS: JavaLimits = { depth: 200, handles: 2_000_000, elements: 4_000_000 };

const FLAG_WRITE_METHOD = 1;
export const FLAG_SERIALIZABLE = 2;
export const FLAG_EXTERNALIZABLE = 4;
const FLAG_BLOCK_DATA = 8;
export const FLAG_ENUM = 16;
const FIRST_HANDLE = 0x7e0000;

/**
 * Reads a stream of exactly one object.
 * @throws FormatError, also for bytes after the object.
 */
export function readJavaStream(bytes: Uint8Array, limits: Partial<JavaLimits> = {}): JavaValue {
  const cursor = new Cursor(bytes);
  const value = readJavaObject(cursor, limits);
  cursor.expectEnd('the Java object stream');
  return value;
}

/** Reads the stream header and one object, and leaves the cursor behind it. @throws FormatError */
export function readJavaObject(cursor: Cursor, limits: Partial<JavaLimits> = {}): JavaValue {
  const start = cursor.position + 4;
  const [value] = readJavaContents(cursor, 1, limits);
  if (value === undefined || isBlock(value))
    throw cursor.error('BadJavaStream', 'an object', 'block data', start);
  return value;
}

/** Reads the header and `count` pieces: objects, or blocks where bytes were written directly. */
export function readJavaContents(
  cursor: Cursor,
  count: number,
  limits: Partial<JavaLimits> = {},
): readonly (JavaValue | JavaBlock)[] {
  const start = cursor.position;
  if (cursor.i32('the header of a Java object stream') !== (0xaced0005 | 0))
    throw cursor.error(
      'BadJavaStream',
      'the header aced0005 of a Java object stream',
      'something else',
      start,
    );
  const reader = new ObjectReader(cursor, { ...LIMITS, ...limits });
  try {
    const contents: (JavaValue | JavaBlock)[] = [];
    for (let i = 0; i < count; i++) contents.push(reader.content());
    return contents;
  } catch (error) {
    if (error instanceof RangeError)
      throw cursor.error('TooDeep', 'an object graph of sane depth', `a stack overflow: ${error.message}`);
    throw error;
  }
}

const END = Symbol('end of block data');
const NOTHING: readonly never[] = [];

/** Bytes of blocks in a row: mostly there is one, and it is taken as it is. */
class GrowingBlock {
  length = 0;
  private buffer: Uint8Array | undefined;

  add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.buffer === undefined) {
      this.buffer = bytes;
      this.length = bytes.length;
      return;
    }
    const needed = this.length + bytes.length;
    if (needed > this.buffer.length) {
      const larger = new Uint8Array(2 * needed);
      larger.set(this.buffer.subarray(0, this.length));
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.length);
    this.length = needed;
  }

  take(): Uint8Array {
    const bytes = this.buffer ?? new Uint8Array(0);
    const taken = bytes.length === this.length ? bytes : bytes.slice(0, this.length);
    this.length = 0;
    this.buffer = undefined;
    return taken;
  }
}

class ObjectReader {
  private readonly cursor: Cursor;
  private readonly limits: JavaLimits;
  private handles: unknown[] = [];
  private readonly hierarchies = new Map<JavaClass, JavaClass[]>();
  private readonly emptyParts = new Map<JavaClass, JavaPart>();
  private elements = 0;
  private depth = 0;

  constructor(cursor: Cursor, limits: JavaLimits) {
    this.cursor = cursor;
    this.limits = limits;
  }

  content(): JavaValue | JavaBlock {
    const start = this.cursor.position;
    const found = this.next();
    if (found === END) throw this.bad('an object', 'the end of block data', start);
    return found;
  }

  /** An object, where neither a block nor an end may stand. */
  private value(): JavaValue {
    const start = this.cursor.position;
    const found = this.next();
    if (found === END || isBlock(found)) throw this.bad('an object', 'block data', start);
    return found;
  }

  private next(): JavaValue | JavaBlock | typeof END {
    const { cursor } = this;
    const start = cursor.position;
    const tag = cursor.u8('a type code');
    switch (tag) {
      case 0x70:
        return null;
      case 0x71:
        return this.reference(start);
      case 0x72:
      case 0x7d:
        return this.classDescriptor(tag, start);
      case 0x73:
        return this.nested(start, () => this.object());
      case 0x74:
      case 0x7c:
        return this.string(tag);
      case 0x75:
        return this.nested(start, () => this.array());
      case 0x76: {
        const of = this.requireClass();
        this.handle(of);
        return of;
      }
      case 0x77:
        return { kind: 'block', bytes: cursor.take(cursor.u8('a block length'), 'block data') };
      case 0x78:
        return END;
      case 0x79:
        // Only between objects; inside of one, nobody could refer to what was before.
        if (this.depth > 0) throw this.bad('an object', 'a reset inside of an object', start);
        this.handles = [];
        return this.next();
      case 0x7a:
        return { kind: 'block', bytes: cursor.take(cursor.count('a block length', 1), 'block data') };
      case 0x7e:
        return this.nested(start, () => this.enumConstant());
      case 0x7b:
        throw this.bad('an object', 'an exception that the writer met', start);
      default:
        throw this.bad('a type code from 70 to 7e', tag.toString(16).padStart(2, '0'), start);
    }
  }

  private nested<T>(start: number, read: () => T): T {
    if (++this.depth > this.limits.depth)
      throw this.cursor.error('TooDeep', `at most ${this.limits.depth} levels`, 'more', start);
    const value = read();
    this.depth--;
    return value;
  }

  private handle(value: unknown): number {
    if (this.handles.length >= this.limits.handles)
      throw this.cursor.error('TooLarge', `at most ${this.limits.handles} objects`, 'more');
    return this.handles.push(value) - 1;
  }

  private count(elements: number): void {
    this.elements += elements;
    if (this.elements > this.limits.elements)
      throw this.cursor.error('TooLarge', `at most ${this.limits.elements} elements`, 'more');
  }

  private reference(start: number): JavaValue {
    const index = this.cursor.i32('a reference') - FIRST_HANDLE;
    const value = this.handles[index];
    if (value === undefined)
      throw this.bad(`a reference to one of ${this.handles.length} objects`, String(index), start);
    return value as JavaValue;
  }

  private string(tag: number): string {
    const { cursor } = this;
    if (tag === 0x74) {
      const text = cursor.utf();
      this.handle(text);
      return text;
    }
    const start = cursor.position;
    const length = cursor.bigint('a string length');
    if (length < 0n || length > BigInt(cursor.remaining))
      throw cursor.error('BadLength', 'a string length that fits', String(length), start);
    const text = cursor.modifiedUtf8(Number(length));
    this.handle(text);
    return text;
  }

  private classOrNull(): JavaClass | null {
    const start = this.cursor.position;
    const tag = this.cursor.u8('a class descriptor');
    if (tag === 0x70) return null;
    if (tag === 0x72 || tag === 0x7d) return this.classDescriptor(tag, start);
    if (tag === 0x71) {
      const value = this.reference(start);
      if (isClass(value)) return value;
    }
    throw this.bad('a class descriptor', tag.toString(16), start);
  }

  private requireClass(): JavaClass {
    const start = this.cursor.position;
    const found = this.classOrNull();
    if (found === null) throw this.bad('a class descriptor', 'null', start);
    return found;
  }

  private classDescriptor(tag: number, start: number): JavaClass {
    return this.nested(start, () => (tag === 0x7d ? this.proxyDescriptor() : this.plainDescriptor()));
  }

  private proxyDescriptor(): JavaClass {
    const { cursor } = this;
    const made = {
      kind: 'class' as const,
      name: '',
      uid: 0n,
      flags: FLAG_SERIALIZABLE,
      fields: [],
      parent: null,
    };
    const index = this.handle(made);
    const count = cursor.count('a number of interfaces', 2);
    this.count(count);
    const names: string[] = [];
    for (let i = 0; i < count; i++) names.push(cursor.utf('an interface name'));
    this.annotations();
    const found: JavaClass = { ...made, name: names.join(','), parent: this.classOrNull() };
    this.handles[index] = found;
    return found;
  }

  private plainDescriptor(): JavaClass {
    const { cursor } = this;
    const name = cursor.utf('a class name');
    const uid = cursor.bigint('a serialVersionUID');
    const made: { -readonly [K in keyof JavaClass]: JavaClass[K] } = {
      kind: 'class',
      name,
      uid,
      flags: 0,
      fields: [],
      parent: null,
    };
    this.handle(made);
    const start = cursor.position;
    made.flags = cursor.u8('class flags');
    const serializable = (made.flags & FLAG_SERIALIZABLE) !== 0;
    if (serializable && (made.flags & FLAG_EXTERNALIZABLE) !== 0)
      throw this.bad('a serializable or an externalizable class', 'both', start);
    const count = cursor.u16('a number of fields');
    if (count > 0x7fff) throw this.bad('a number of fields >= 0', String(count - 0x10000), start + 1);
    if ((made.flags & FLAG_ENUM) !== 0 && (uid !== 0n || count > 0))
      throw this.bad('an enum without fields and serialVersionUID', `${count} fields, ${uid}`, start);
    this.count(count);
    const fields: JavaField[] = [];
    let objects = false;
    for (let i = 0; i < count; i++) {
      const at = cursor.position;
      const field = this.field(at);
      const isObject = field.type === 'L' || field.type === '[';
      if (objects && !isObject) throw this.bad('primitive fields before object fields', field.name, at);
      objects ||= isObject;
      fields.push(field);
    }
    made.fields = fields;
    this.annotations();
    made.parent = this.classOrNull();
    let depth = 0;
    for (let up = made.parent; up !== null; up = up.parent)
      if (up === made || ++depth > this.limits.depth)
        throw this.bad('a class hierarchy', up === made ? 'a cycle' : 'one that never ends', start);
    this.limits.checkClass?.(made);
    return made;
  }

  private field(at: number): JavaField {
    const { cursor } = this;
    const code = String.fromCharCode(cursor.u8('a field type'));
    const name = cursor.utf('a field name');
    let type = code;
    if (code === 'L' || code === '[') {
      const signature = this.value();
      if (typeof signature !== 'string') throw this.bad('a type signature', 'no string', at);
      // Java goes by the signature.
      type = signature.charAt(0);
    }
    if (!/^[BCDFIJSZL[]$/.test(type)) throw this.bad('a field type', JSON.stringify(type), at);
    return { name, type };
  }

  /** What stands before an end of block data. Blocks in a row are one block: that is all they mean. */
  private annotations(): readonly (JavaValue | JavaBlock)[] {
    const found: (JavaValue | JavaBlock)[] = [];
    const block = new GrowingBlock();
    for (;;) {
      const value = this.next();
      this.count(1);
      if (value !== END && isBlock(value)) {
        block.add(value.bytes);
        continue;
      }
      if (block.length > 0) found.push({ kind: 'block', bytes: block.take() });
      if (value === END) return found.length === 0 ? NOTHING : found;
      found.push(value);
    }
  }

  /** From the topmost class down. */
  private hierarchyOf(of: JavaClass): readonly JavaClass[] {
    let hierarchy = this.hierarchies.get(of);
    if (hierarchy === undefined) {
      hierarchy = [];
      for (let up: JavaClass | null = of; up !== null; up = up.parent) hierarchy.unshift(up);
      this.hierarchies.set(of, hierarchy);
    }
    return hierarchy;
  }

  private object(): JavaObject {
    const start = this.cursor.position;
    const of = this.requireClass();
    if ((of.flags & FLAG_ENUM) !== 0) throw this.bad('a class', `the enum ${of.name}`, start);
    const parts: JavaPart[] = [];
    const made: JavaObject = { kind: 'object', class: of, parts };
    this.handle(made);
    const hierarchy = this.hierarchyOf(of);
    this.count(hierarchy.length);
    for (const part of hierarchy) parts.push(this.part(part, start));
    return made;
  }

  private part(of: JavaClass, start: number): JavaPart {
    if ((of.flags & FLAG_EXTERNALIZABLE) !== 0) {
      if ((of.flags & FLAG_BLOCK_DATA) === 0)
        throw this.bad('external data in blocks', `the unreadable old form of ${of.name}`, start);
      return { class: of, values: NOTHING, extra: this.annotations() };
    }
    if ((of.flags & FLAG_SERIALIZABLE) === 0) throw this.bad('a serializable class', of.name, start);
    const plain = this.limits.withoutDefaultFields?.has(of.name) !== true;
    const values =
      plain && of.fields.length > 0 ? of.fields.map(({ type }) => this.fieldValue(type)) : NOTHING;
    const extra = (of.flags & FLAG_WRITE_METHOD) !== 0 ? this.annotations() : NOTHING;
    if (values !== NOTHING || extra !== NOTHING) return { class: of, values, extra };
    // Thousands of objects without content share one part.
    let empty = this.emptyParts.get(of);
    if (empty === undefined) this.emptyParts.set(of, (empty = { class: of, values, extra }));
    return empty;
  }

  private fieldValue(type: string): JavaValue {
    const { cursor } = this;
    switch (type) {
      case 'B':
        return cursor.i8();
      case 'C':
        return String.fromCharCode(cursor.u16());
      case 'D':
        return cursor.f64();
      case 'F':
        return cursor.f32();
      case 'I':
        return cursor.i32();
      case 'J':
        return cursor.bigint();
      case 'S':
        return (cursor.u16() << 16) >> 16;
      case 'Z':
        return cursor.u8() !== 0;
      default:
        return this.value();
    }
  }

  private array(): JavaArray {
    const start = this.cursor.position;
    const of = this.requireClass();
    const type = of.name.charAt(1);
    if (!of.name.startsWith('[') || type === '') throw this.bad('an array class', of.name, start);
    const items: JavaValue[] = [];
    const made: { -readonly [K in keyof JavaArray]: JavaArray[K] } = {
      kind: 'array',
      class: of,
      items,
      bytes: null,
    };
    this.handle(made);
    const widths: Record<string, number> = { B: 1, Z: 1, C: 2, S: 2, F: 4, I: 4, D: 8, J: 8 };
    const length = this.cursor.count('an array length', widths[type] ?? 1);
    if (type === 'B') {
      made.bytes = this.cursor.take(length, 'a byte array');
      return made;
    }
    this.count(length);
    for (let i = 0; i < length; i++) items.push(this.fieldValue(type));
    return made;
  }

  private enumConstant(): JavaEnum {
    const start = this.cursor.position;
    const of = this.requireClass();
    if ((of.flags & FLAG_ENUM) === 0) throw this.bad('an enum class', of.name, start);
    const index = this.handle(null);
    const name = this.value();
    if (typeof name !== 'string') throw this.bad('the name of an enum constant', 'no string', start);
    const made: JavaEnum = { kind: 'enum', class: of, name };
    this.handles[index] = made;
    return made;
  }

  private bad(expected: string, found: string, at: number): FormatError {
    return this.cursor.error('BadJavaStream', expected, found, at);
  }
}

const isBlock = (value: JavaValue | JavaBlock): value is JavaBlock =>
  typeof value === 'object' && value !== null && value.kind === 'block';

const isClass = (value: JavaValue): value is JavaClass =>
  typeof value === 'object' && value !== null && value.kind === 'class';

// ── Looking into what was read ──────────────────────────────────────────────────────────────────────────────────

/** The object, when its class has this name. */
export function objectOf(value: JavaValue | undefined, ...names: readonly string[]): JavaObject | undefined {
  if (typeof value !== 'object' || value === null || value.kind !== 'object') return undefined;
  return names.length === 0 || names.includes(value.class.name) ? value : undefined;
}

/** A field, from the most derived class that has it; undefined when none has. */
export function fieldOf(object: JavaObject, name: string): JavaValue | undefined {
  for (let i = object.parts.length - 1; i >= 0; i--) {
    const part = object.parts[i];
    const index = part?.class.fields.findIndex((field) => field.name === name) ?? -1;
    if (part !== undefined && index >= 0 && index < part.values.length) return part.values[index];
  }
  return undefined;
}

const simple = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** Elements of any collection that the JDK writes here; undefined for something else. */
export function javaList(value: JavaValue | undefined): readonly JavaValue[] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (value.kind === 'array') return value.bytes === null ? value.items : undefined;
  if (value.kind !== 'object') return undefined;
  switch (simple(value.class.name)) {
    case 'Collections$EmptyList':
    case 'Collections$EmptySet':
      return [];
    case 'Collections$SingletonList':
    case 'Collections$SingletonSet':
      return [fieldOf(value, 'element') ?? null];
    case 'Collections$UnmodifiableCollection':
    case 'Collections$UnmodifiableSet':
    case 'Collections$UnmodifiableList':
    case 'Collections$UnmodifiableRandomAccessList':
    case 'Collections$SynchronizedCollection':
    case 'Collections$SynchronizedList':
    case 'Collections$SynchronizedRandomAccessList':
      return javaList(fieldOf(value, 'c'));
    case 'Arrays$ArrayList':
      return javaList(fieldOf(value, 'a'));
    case 'ArrayList':
    case 'LinkedList':
    case 'ArrayDeque':
    case 'HashSet':
    case 'LinkedHashSet':
    case 'CollSer':
      return objects(value);
    default:
      return undefined;
  }
}

/** Entries of any map that the JDK writes here; undefined for something else. */
export function javaMap(
  value: JavaValue | undefined,
): readonly (readonly [JavaValue, JavaValue])[] | undefined {
  const object = objectOf(value);
  if (object === undefined) return undefined;
  switch (simple(object.class.name)) {
    case 'Collections$EmptyMap':
      return [];
    case 'Collections$SingletonMap':
      return [[fieldOf(object, 'k') ?? null, fieldOf(object, 'v') ?? null]];
    case 'Collections$UnmodifiableMap':
    case 'Collections$SynchronizedMap':
      return javaMap(fieldOf(object, 'm'));
    case 'HashMap':
    case 'LinkedHashMap':
    case 'TreeMap':
    case 'Hashtable':
    case 'ConcurrentHashMap': {
      const flat = objects(object);
      const entries: [JavaValue, JavaValue][] = [];
      for (let i = 0; i + 1 < flat.length; i += 2) {
        const key = flat[i] as JavaValue;
        const of = flat[i + 1] as JavaValue;
        // ConcurrentHashMap ends with a pair of nulls.
        if (key === null && of === null && i + 2 === flat.length) break;
        entries.push([key, of]);
      }
      return entries;
    }
    default:
      return undefined;
  }
}

/** What the write methods of an object added, without the blocks of counts. */
const objects = (object: JavaObject): readonly JavaValue[] =>
  object.parts.flatMap(({ extra }) => extra.filter((value): value is JavaValue => !isBlock(value)));
