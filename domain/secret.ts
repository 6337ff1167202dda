/**
 * A secret that can be handed around but not printed: `String()`, JSON and template strings show `***`.
 * Only an adapter that opens a connection calls {@link Secret.reveal}.
 */
export interface Secret {
  reveal(): string;
  toString(): string;
  toJSON(): string;
}

export function secret(value: string): Secret {
  return { reveal: () => value, toString: () => '***', toJSON: () => '***' };
}
