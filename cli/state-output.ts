/** What the commands on files need of a terminal; {@link put} only for results that are too long for one string. */
export interface Output {
  /** A line of the result. */
  write(line: string): void;
  /** A line about what is going on. */
  note(line: string): void;
  /** A piece of a line of the result; the line ends with the next `write`. */
  put?(piece: string): void;
  paint(as: 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', text: string): string;
  /** Whether results go to a terminal. */
  readonly screen: boolean;
  readonly signal: AbortSignal;
}

/** What the commands on files end with. */
export const STATE_EXIT = {
  /** Read, or sound. */
  done: 0,
  /** Broken, or not there. */
  broken: 1,
  /** Not known: something could not be looked at. */
  unknown: 2,
  usage: 64,
  /** A file was refused: it is not what Flink could read. */
  refused: 65,
} as const;

export type StateExit = (typeof STATE_EXIT)[keyof typeof STATE_EXIT];

/** Wrong use: a sentence for people, exit code 64. */
export class StateUsageError extends Error {
  override readonly name = 'UsageError';
}

export interface StateOptions {
  readonly json?: boolean;
  readonly config?: string;
  /** `URI-PREFIX=DIRECTORY` */
  readonly map?: readonly string[];
  /** Base URLs of NameNodes. */
  readonly webhdfs?: readonly string[];
  readonly user?: string;
}

/** Bytes for people. */
export function sizeText(bytes: number | bigint): string {
  const value = Number(bytes);
  if (value < 1024) return `${value} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const power = Math.min(units.length, Math.floor(Math.log2(value) / 10));
  return `${(value / 1024 ** power).toFixed(1)} ${units[power - 1] ?? ''}`;
}

/** Text of foreign files on a terminal: control characters are shown as escapes, so they do nothing. */
export const plainText = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
