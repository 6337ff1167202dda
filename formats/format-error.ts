/**
 * What a reader of foreign bytes throws, and the only thing it throws. The code says what kind of rule the bytes
 * break, the offset where, the context how it looks there; so a damaged file can be told from a foreign one.
 */
export type FormatErrorCode =
  /** The bytes end before the value does. */
  | 'Truncated'
  /** Not the kind of file it was taken for. */
  | 'BadMagic'
  /** A format version that no known writer uses. */
  | 'UnknownVersion'
  /** A type code that is not allowed at this place. */
  | 'UnknownTag'
  /** A negative count or length, or one that cannot fit in what is left. */
  | 'BadLength'
  /** Malformed modified UTF-8. */
  | 'BadText'
  /** A path that Flink's `Path` refuses. */
  | 'BadPath'
  /** A value outside of its range. */
  | 'BadValue'
  /** A null where a value is required. */
  | 'MissingValue'
  /** State of Flink 1.1 or older, which no supported Flink reads. */
  | 'LegacyState'
  /** A Java object stream that breaks the protocol, or holds other classes than expected. */
  | 'BadJavaStream'
  /** Nested deeper than any writer nests. */
  | 'TooDeep'
  /** More than this reader takes. */
  | 'TooLarge'
  /** Bytes left over where none may be. */
  | 'TrailingBytes'
  /** A checksum or redundant field disagrees with the data. */
  | 'Mismatch';

export interface FormatErrorDetails {
  readonly code: FormatErrorCode;
  /** Byte offset in the file or value that was read. */
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
  /** Up to 16 bytes from the offset on, as hex. */
  readonly context: string;
}

export class FormatError extends Error implements FormatErrorDetails {
  override readonly name = 'FormatError';
  readonly code: FormatErrorCode;
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
  readonly context: string;

  constructor(details: FormatErrorDetails) {
    super(
      `at byte ${details.offset}: expected ${details.expected}, found ${details.found}` +
        (details.context === '' ? '' : ` (bytes there: ${details.context})`),
    );
    this.code = details.code;
    this.offset = details.offset;
    this.expected = details.expected;
    this.found = details.found;
    this.context = details.context;
  }
}
