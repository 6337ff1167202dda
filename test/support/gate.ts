import { until } from '../../stack/wait.js';

export interface Gate {
  /** Called in a step: waits until the gate is open. */
  readonly pass: () => Promise<void>;
  /** Waits until a step stands before the gate. */
  readonly reached: () => Promise<unknown>;
  readonly open: () => void;
}

/** Keeps a step at work until a test has done what is to happen meanwhile. */
export function gate(): Gate {
  let isReached = false;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    pass: () => {
      isReached = true;
      return opened;
    },
    reached: () => until('a step stands before the gate', () => isReached),
    open,
  };
}
