/** The colours and weights that are used. */
export type Paint = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Where a command writes and asks. Results go to standard output, everything about the way there to standard error. */
export interface Terminal {
  /** A line of the result. */
  write(line: string): void;
  /** A piece of a line of the result, for lines that are too long for one string; the line ends with the next `write`. */
  put(piece: string): void;
  /** A line about what is going on. */
  note(line: string): void;
  /** Text in colours, when results go to a terminal that has them. */
  paint(as: Paint, text: string): string;
  /** Whether results go to a terminal. */
  readonly screen: boolean;
  /** Columns of the screen; 100 when it is none. */
  readonly columns: number;
  /** Whether somebody can be asked. */
  readonly interactive: boolean;
  ask(question: string): Promise<string>;
  /** Empties the screen. */
  clear(): void;
  /** Aborted by Ctrl-C or a request to end. */
  readonly signal: AbortSignal;
}

/** Wrong use: a sentence for people, exit code 64. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something could not be started, and the message says why: exit code 69. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Starts a part of this process; what keeps it from starting is a sentence for people, not a bug. */
export async function starting<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
