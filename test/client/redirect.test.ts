import { expect, test } from "vitest";
import { type Hop, firstHop, nextHop } from "../../src/client/redirect.ts";
import { temporaryFolder } from "../helpers/temporary.ts";
import { FaultServer, get, head, inside, sends, sound } from "./support.ts";

const folder = temporaryFolder();
const from = (url: string, fields: Record<string, string> = {}): Hop => firstHop(new URL(url), fields);

test("credentials of the URL are sent as Authorization, and are in no URL", () => {
  const hop = from("http://us%20er:p%C3%A4ss@localhost/a#b");
  expect(hop.url.href).toBe("http://localhost/a");
  expect(hop.fields.get("authorization")).toBe(`Basic ${Buffer.from("us er:päss").toString("base64")}`);
  expect(from("http://a:b@localhost/", { authorization: "Bearer x" }).fields.get("authorization")).toBe("Bearer x");
});

test("what is meant for one host is told to no other", () => {
  const hop = from("https://a:b@one.example/x", { cookie: "c=d", "x-other": "stays" });
  const same = nextHop(hop, 302, "/y?z")!;
  expect([same.url.href, same.fields.has("authorization"), same.fields.has("cookie")]).toEqual([
    "https://one.example/y?z",
    true,
    true,
  ]);
  for (const location of ["https://two.example/", "https://one.example:8443/", "//two.example/x"]) {
    const other = nextHop(hop, 307, location)!;
    expect([...other.fields.keys()]).toEqual(["x-other"]);
  }
});

test("neither leaves TLS nor HTTP, nor goes round for ever", () => {
  expect(() => nextHop(from("https://localhost/"), 301, "http://localhost/")).toThrow("not encrypted");
  expect(() => nextHop(from("http://localhost/"), 301, "file:///etc/passwd")).toThrow("not HTTP");
  expect(() => nextHop(from("http://localhost/"), 301, null)).toThrow("Location: none");
  expect(nextHop(from("http://localhost/"), 200, "/x")).toBeUndefined();
  let hop = from("http://localhost/");
  for (let count = 0; count < 10; count++) hop = nextHop(hop, 308, "/")!;
  expect(() => nextHop(hop, 308, "/")).toThrow("more than 10 redirects");
});

test("follows to another server, with the range, after every interruption", async () => {
  await using target = await FaultServer.start(sound({ cutAt: 10_000 }), sound());
  await using first = await FaultServer.start(sends(head(302, `Location: ${target.url}/there`, "Content-Length: 0")));
  const address = new URL(first.url);
  address.username = "user";
  const got = await get(address.href, inside(folder.path, "redirected"), { fields: { "X-Mine": "yes" } });
  expect(got.failure).toBeUndefined();
  expect(first.requests.map(({ fields }) => fields.get("authorization"))).toEqual(["Basic dXNlcjo=", "Basic dXNlcjo="]);
  expect(target.requests.map(({ fields }) => fields.get("authorization"))).toEqual([null, null]);
  expect(target.requests.map(({ from: offset }) => offset)).toEqual([undefined, 10_000]);
  expect(target.requests[0]!.fields.get("x-mine")).toBe("yes");
});
