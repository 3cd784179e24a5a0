/**
 * Inputs that were once not read as they should be, as the fuzzing found them and made them small.
 *
 * @module
 */

/** One such input. */
export interface Regression {
  /** The name of its target. */
  readonly target: string;
  /** What was wrong. */
  readonly was: string;
  /** The input, base64. */
  readonly input: string;
}

/** All of them. */
export const REGRESSIONS: readonly Regression[] = [
  {
    target: "envelope",
    was: "a batch took an envelope in which a field was repeated",
    input:
      "W3sibWVzc2FnZV9pZCI6IjEiLCJyZWNlaXZlcl9jbGllbnRfaWQiOiJyIiwiZW5jX3Nlc3Npb25fa2V5IjoiQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2NIQndjSEJ3Y0hCd2M9Iiwibm9uY2UiOiIiLCJub25jZSI6IkNBZ0lDQWdJQ0FnSUNBZ0kiLCJ0YWciOiJDUWtKQ1FrSkNRa0pDUWtKQ1FrSkNRPT0iLCJjaXBoZXJ0ZXh0IjoiWVdKaiJ9XQ==",
  },
  {
    target: "config_json",
    was: "an unknown key's invisible character stood in the error's text",
    input:
      "eyIiOlsiIl0sIiI6IiIsIiI6IiIsIiI6MiwidGxzIjp7Iu+7vyI6IiIsIiI6IiIsIiI6IiIsIiI6ZmFsc2V9fQ==",
  },
  {
    target: "config_toml",
    was: "a path's control character stood in the error's text",
    input:
      "W3NlcnZlcl0KY29ubmVjdGlvbl90eXBlPSJ0bHMiCmFkZHJlc3M9IjE6MiIKW3Rsc10KY2VydF9wYXRoPSLChSIK" +
      "a2V5X3BhdGg9InkiCmNhX2NlcnRfcGF0aD0ndCcKbWluX3ZlcnNpb249IjEuMiIKW2RhdGFiYXNlXQpkYm5hbWU9" +
      "ImsiCltlbmNyeXB0aW9uXQphZXNfa2V5PSIiCltsaW1pdHNdCm1heF9saW5lX2J5dGVzPTEKbWF4X21lc3NhZ2Vf" +
      "Ynl0ZXM9MQpbbG9nXQpsZXZlbD0iaW5mbyI=",
  },
];
