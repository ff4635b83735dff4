import MusterJSON
import MusterRoutes
import MusterTestKit
import MusterWire
import Testing

@testable import MusterAPI

/// What follows from the description of a wire type, for each of them: reader, writer and schema say the same.
@Suite struct WireTypeTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// The members of an object as names and texts, with one given another text or left out.
    private static func body(_ sample: String, _ name: String, _ text: String?) throws -> String {
        let members = try #require(try JSONValue(parsing: bytes(sample)).members)
        let parts = members.compactMap { key, value in
            let shown = key == name ? text : value.text
            return shown.map { "\"\(key)\":\($0)" }
        }
        return "{" + parts.joined(separator: ",") + "}"
    }

    private static func read(_ type: any WireType.Type, _ body: String) throws -> any WireType {
        try type.init(body: bytes(body))
    }

    private static func schema(of type: any WireType.Type) throws -> JSONValue {
        var json = JSONWriter()
        type.ownSchema.write(to: &json)
        return try JSONValue(parsing: json.bytes)
    }

    private static let document = Result {
        try DocumentedAnswers(OpenAPI.document(of: RouteTable.all, version: "1"))
    }

    /// What a schema says of what was written; nil: it is good.
    private static func trouble(with body: [UInt8], _ type: any WireType.Type) throws -> String? {
        try document.get().trouble(with: JSONValue(parsing: body), schema(of: type), "\(type)")
    }

    @Test(arguments: WireSample.all) func comesBackByteForByte(_ sample: WireSample) throws {
        for body in sample.bodies {
            let written = try Self.read(sample.type, body).body
            #expect(String(decoding: written, as: UTF8.self) == body)
            #expect(try Self.trouble(with: written, sample.type) == nil)
        }
    }

    /// Values that the schema allows: what is taken of them is written as the schema says, and read again as the same.
    @Test(arguments: WireSample.all) func valuesOfTheSchemaComeBack(_ sample: WireSample) throws {
        // Its percentage follows from the rest, of which not everything goes together.
        if sample.type == NumbersProgress.self { return }
        for field in sample.type.fields(described: true) {
            for value in field.schema.examples {
                guard let read = try? Self.read(sample.type, Self.body(sample.bodies[0], field.name, value)) else {
                    continue
                }
                let written = read.body
                #expect(try Self.trouble(with: written, sample.type) == nil)
                #expect(try Self.read(sample.type, String(decoding: written, as: UTF8.self)).body == written)
            }
        }
    }

    /// A value of the wrong kind, out of bounds, null or missing is refused, with the field's name.
    @Test(arguments: WireSample.all) func refusesWithTheName(_ sample: WireSample) throws {
        let body = sample.bodies[0]
        let members = try #require(try JSONValue(parsing: Self.bytes(body)).members)
        for field in sample.type.fields(described: true) where members.contains(where: { $0.key == field.name }) {
            var wrong = field.schema.wrongExamples.map { Optional($0) }
            if sample.type.isClosed { wrong.append("null") }
            for value in wrong {
                let body = try Self.body(body, field.name, value)
                let problem = #expect(throws: Problem.self, "\(body)") { try Self.read(sample.type, body) }
                #expect(problem?.status == 422)
                #expect(problem?.detail.contains(field.name) == true, "\(problem?.detail ?? "")")
            }
        }
    }

    @Test(arguments: WireSample.all) func refusesDoubledAndUnknownFields(_ sample: WireSample) throws {
        let body = sample.bodies[0]
        let first = try #require(try JSONValue(parsing: Self.bytes(body)).members?.first)
        let doubled = "{\"\(first.key)\":\(first.value.text)," + body.dropFirst()
        let problem = #expect(throws: Problem.self) { try Self.read(sample.type, doubled) }
        #expect(problem?.detail.contains("\"\(first.key)\" stands twice") == true)
        let unknown = String(body.dropLast()) + ",\"surprise\":1}"
        if sample.type.isClosed {
            let problem = #expect(throws: Problem.self) { try Self.read(sample.type, unknown) }
            #expect(problem?.detail == "Unknown field \"surprise\".")
        } else {
            #expect(try Self.read(sample.type, unknown).body == Self.bytes(body))
        }
    }

    /// The reader and the document agree on what must be there.
    @Test(arguments: WireSample.all) func whatMustBeThere(_ sample: WireSample) throws {
        guard sample.type.isClosed else { return }
        for field in sample.type.fields(described: true) where field.isRequired {
            let body = try Self.body(sample.bodies[0], field.name, nil)
            let problem = #expect(throws: Problem.self, "\(body)") { try Self.read(sample.type, body) }
            #expect(problem?.detail == "The field \"\(field.name)\" is missing.")
        }
    }

    /// What is no object of named fields is written as old clients read it, and as the document says.
    @Test func bareAnswers() throws {
        let servers = ClassicServerList([
            ClassicServerPlace(name: "a", port: 80), ClassicServerPlace(name: "b", port: 81),
        ])
        let results = CommandResults([(key: "http://b:1", value: Success()), (key: "a", value: Success(false))])
        let samples: [(any WireWritable, String)] = [
            (servers, #"[{"name":"a","port":"80"},{"name":"b","port":"81"}]"#), (ClassicServerList([]), "[]"),
            (results, #"{"http://b:1":{"success":true},"a":{"success":false}}"#), (CommandResults([]), "{}"),
        ]
        for (answer, text) in samples {
            #expect(String(decoding: answer.body, as: UTF8.self) == text)
            var schema = JSONWriter()
            type(of: answer).ownSchema.write(to: &schema)
            let value = try JSONValue(parsing: answer.body)
            #expect(try Self.document.get().trouble(with: value, JSONValue(parsing: schema.bytes), "answer") == nil)
        }
    }

    /// Of an answer that anybody may have written, each field is read that can be.
    @Test func readsAsFarAsItCan() {
        func read(_ text: String) -> Problem { Problem(asFarAsRead: Self.bytes(text)) }
        let odd = read(#"{"type":7,"status":"502","detail":"out of order","retryAfter":-1,"trace":"x"}"#)
        #expect((odd.type, odd.status, odd.detail, odd.retryAfter) == ("", 0, "out of order", nil))
        #expect(odd.detail(or: "nothing") == "out of order")
        for text in ["", "<html>", "[]", "{}", #"{"detail":null}"#] {
            #expect(read(text) == .blank)
            #expect(read(text).detail(or: "nothing") == "nothing")
        }
        let known = Problem(503, "later", code: "store", retryAfter: 5)
        #expect(Problem(asFarAsRead: known.body) == known)
    }

    /// Words that only later versions know come through.
    @Test func laterWords() throws {
        let body = #"{"members":[{"id":1,"name":"m","role":"gardener","state":"dozing"}]}"#
        let member = try #require(try ListAnswer<MemberStatus>(body: Self.bytes(body)).items.first)
        #expect((member.role, member.state, member.rank, member.labels) == ("gardener", "dozing", nil, [:]))
    }

    /// A schema that is named somewhere is there, and there once.
    @Test func everyNameIsInTheDocument() throws {
        let known = AnswerSchemas.all.map(\.name)
        #expect(Set(known).count == known.count)
        for document in [
            OpenAPI.document(of: RouteTable.all, version: "1"), OpenAPI.document(of: EdgeRoutes.all, version: "1"),
            OpenAPI.document(of: OriginRoutes.all, version: "1"),
        ] {
            let text = String(decoding: document, as: UTF8.self)
            for part in text.split(separator: "#/components/schemas/").dropFirst() {
                #expect(known.contains(String(part.prefix { $0 != "\"" })))
            }
        }
    }
}

extension WireType {
    /// Its fields as the document tells them.
    fileprivate static func fields(described: Bool) -> [Schema.Field] { fields.flatMap(\.described) }
}

extension Schema {
    /// Values that it allows, at its bounds and between them.
    fileprivate var examples: [String] {
        switch form {
        case .boolean: ["true", "false"]
        case .string(let bytes, nil, _): bytes.lowerBound == 0 ? ["\"\"", "\"x\""] : ["\"x\""]
        case .choice(let values): values.map { "\"\($0)\"" }
        case .integer(let range): ["\(range.lowerBound)", "\(range.lowerBound + 1)", "\(range.upperBound)"]
        case .number(let range): [range?.lowerBound ?? -1, range?.upperBound ?? 1].map { "\($0)" }
        case .array(_, let count): count.lowerBound == 0 ? ["[]"] : []
        case .map: ["{}"]
        default: []
        }
    }

    /// Values that it does not allow.
    fileprivate var wrongExamples: [String] {
        switch form {
        case .any: []
        case .string(let bytes, _, _) where bytes.upperBound < 100_000:
            ["17", "[]", "\"" + String(repeating: "x", count: bytes.upperBound + 1) + "\""]
        case .integer(let range):
            ["\"x\"", "1.5", "\(range.lowerBound - 1)"]
                + (range.upperBound < .max ? ["\(range.upperBound + 1)"] : ["9223372036854775808"])
        case .number(let range?): ["\"x\"", "\(range.lowerBound - 1)", "\(range.upperBound * 2)"]
        case .array(_, let count) where count.upperBound < 5_000:
            ["17", "{}", "[" + Array(repeating: "1", count: count.upperBound + 1).joined(separator: ",") + "]"]
        case .either: ["[]", "{}"]
        case .string, .choice, .array, .number: ["17.5e400", "{}"]
        default: ["17", "\"x\""]
        }
    }
}
