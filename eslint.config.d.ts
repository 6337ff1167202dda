/** What of the linter's configuration test/architecture.test.ts reads. */
export interface RoomRule {
  readonly rooms: readonly string[];
  readonly types: readonly string[];
  readonly packages: readonly string[];
  readonly node: boolean;
}
export const rooms: Readonly<Record<string, RoomRule>>;
export const soleImporters: Readonly<Record<string, readonly string[]>>;
