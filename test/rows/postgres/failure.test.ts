import { expect, test } from "vitest";
import { HttpError, SluiceError } from "../../../src/errors.ts";
import { ServerFailure, toError } from "../../../src/rows/databases/postgres/failure.ts";

const fromServer = (sqlState: string): Error => new ServerFailure({ sqlState, message: "words", position: 5 });

test.each<[sqlState: string, status: number]>([
  ["42501", 403],
  ["25006", 403],
  ["25001", 403],
  ["42601", 400],
  ["42P01", 400],
  ["3F000", 400],
  ["22012", 400],
  ["0A000", 400],
  ["57014", 504],
])("%s is what is wrong with a query: %i", (sqlState, status) => {
  expect(toError(fromServer(sqlState), (position) => position + 1)).toMatchObject({
    code: "ERR_QUERY",
    status,
    databaseCode: sqlState,
    position: 6,
    message: "words",
  });
});

test.each(["53300", "53200", "57P01", "57P03", "40001", "55P03"])("%s is a database that is busy: 503", (sqlState) => {
  const error = toError(fromServer(sqlState));
  expect(error).toBeInstanceOf(HttpError);
  expect(error).toMatchObject({ status: 503, headers: { "Retry-After": "1" } });
});

test.each(["25P02", "25P03", "28P01", "3D000", "XX000", "58030"])(
  "%s is a database that cannot be read",
  (sqlState) => {
    expect(toError(fromServer(sqlState))).toMatchObject({ code: "ERR_DATABASE" });
  },
);

test("what is not there is told by the system's codes, and what no pool has by its words", () => {
  for (const code of ["ECONNREFUSED", "ENOENT", "EAI_AGAIN", "ENOTFOUND"]) {
    expect(toError(Object.assign(new Error("x"), { code }))).toMatchObject({ status: 503 });
  }
  expect(toError(new Error("timeout exceeded when trying to connect"))).toMatchObject({ status: 503 });
  expect(toError(new Error("Connection terminated due to connection timeout"))).toMatchObject({ status: 503 });
  expect(toError(new Error("Connection terminated unexpectedly"))).toMatchObject({ code: "ERR_DATABASE" });
});

test("what has been told already stays as it is", () => {
  for (const error of [new SluiceError("ERR_DATABASE", "x"), new HttpError(404, "x")])
    expect(toError(error)).toBe(error);
});
