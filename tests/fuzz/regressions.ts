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
    target: "config_toml",
    was: "what the system says of a path with a NUL stood in the error's text as it is",
    input:
      "W3NlcnZlcl0KY29ubmVjdGlvbl90eXBlPSJ0bHMiCmFkZHJlc3M9IjE6MiIKW3Rsc10KY2VydF9wYXRoPSJzZXJ2ZXIuY3J0IgprZXlfcGF0aD0iXHUwMDAwIgpjYV9jZXJ0X3BhdGg9J3QnCm1pbl92ZXJzaW9uPSIxLjIiCltkYXRhYmFzZV0KZGJuYW1lPSJrIgpbZW5jcnlwdGlvbl0KYWVzX2tleT0iIg==",
  },
  {
    target: "certificate",
    was: "a Common Name that is no string gave its bytes' hex as an identity",
    input:
      "MIIBlzCCARygAwIBAgIQYgEWah7ZDcY/BjqZ389GxDAKBggqhkjOPQQDAzAWMRQwEgYDVQQDEwtDaXBoZXJNUS1DQTAeFw0yNjExMjIyMTAwNThaFw0yNjExMjMyMjAwNThaMBAxDjAMBgNVBAMXBWFsaWNlMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEJShTJIVoul/ytbK8bFOhRGFmjqPJCJpAadcwLHbLGQiXOPGxjqLhxTymdnGFk+/4J/2oBuZyIJ6njthFc/C3wagZXkNF7ROO4I/XTjg+vcvTaAiDjUrGhXfHvShMOCkFozUwMzAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB/wQEAwIHgDATBgNVHSUEDDAKBggrBgEFBQcDAjAKBggqhkjOPQQDAwNpADBmAjEAmnJpjWvmnDN1ODHJGLLqaNJ/qZYVAU+1SHL5CJ7Mhl01RY3BJtrNRQqXgSFXVwHuAjEAo44CQph7NQtCE4ZPjKIWI3MNJQWBqfdOprNb71WglFcY4UiGiiyx2sKLhxjs1aHY",
  },
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
