import { styleText } from 'node:util';

/** Who says a line: what was done, what Flink did, what Holdfast saw and decided. */
export type Voice = 'demo' | 'Flink' | 'Holdfast' | 'stack';

export interface Narrator {
  readonly say: (voice: Voice, text: string) => void;
  /** Seconds since the beginning, one decimal. */
  readonly seconds: () => number;
}

const COLOURS = { demo: 'cyan', Flink: 'yellow', Holdfast: 'green', stack: 'gray' } as const;

/** Whoever listens: a terminal, a file, a test. */
export interface Listener {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Tells the story with times, to one stream; colours only on a terminal. */
export function narrator(out: Listener): Narrator {
  const started = performance.now();
  const seconds = () => Math.round((performance.now() - started) / 100) / 10;
  return {
    seconds,
    say(voice, text) {
      const who = voice.padEnd(8);
      const shown = out.isTTY === true ? styleText(COLOURS[voice], who) : who;
      out.write(`${seconds().toFixed(1).padStart(6)} s  ${shown}  ${text}\n`);
    },
  };
}
