package import MusterJSON

/// What is written as a JSON object: its fields are described once, and the writer and the document follow from that.
///
/// To add a field, add a line to `fields`. To add a type, give it `fields` (and `blank`, if it is read as well) and say
/// `.of(Type.self)` in the route's `fields` or as its `answer`; what is an answer has a `schemaName` and is listed in
/// `AnswerSchemas`. A list of a type is a `ListAnswer` of it: the type says by `WireListed` what the list is called. What is no
/// object of named fields, as old clients want it, is a `BareAnswer`. Nothing else holds a field's name, bounds or summary:
/// routes and `/openapi.json` take them from here.
package protocol WireWritable: Sendable {
    /// In the order in which they are written and read.
    static var fields: [WireField<Self>] { get }
    /// Whether other fields are refused, as in requests. Answers are open: later versions may answer more.
    static var isClosed: Bool { get }
    /// By which the document tells of it, in one place however many routes answer it; empty: it is told of where it stands.
    static var schemaName: String { get }
    /// About the size of a body.
    var bytesExpected: Int { get }
    /// What the document says of it, where it is told of.
    static var ownSchema: Schema { get }
    func write(to json: inout JSONWriter)
}

extension WireWritable {
    package static var isClosed: Bool { false }
    package static var schemaName: String { "" }
    package var bytesExpected: Int { 256 }

    package func write(to json: inout JSONWriter) {
        json.beginObject()
        writeFields(to: &json)
        json.endObject()
    }

    package func writeFields(to json: inout JSONWriter) {
        let fields = Self.fields
        for place in fields.indices { fields[place].write(self, &json) }
    }

    package var json: JSONWriter {
        var json = JSONWriter(reserving: bytesExpected)
        write(to: &json)
        return json
    }

    package var body: [UInt8] { json.bytes }

    package static var schema: Schema { schemaName.isEmpty ? ownSchema : .named(schemaName) }
    package static var ownSchema: Schema { Schema(.object(fields.flatMap(\.described), isClosed: isClosed)) }
}

/// What is read, too. A field that may be left out keeps what it has in `blank` then.
package protocol WireType: WireWritable {
    /// What fields are read into.
    static var blank: Self { get }
    /// Whether no body at all is one without fields.
    static var mayBeEmpty: Bool { get }
    /// Stands before a field's name in messages, and ends with a dot.
    static var place: String { get }
    /// What fields say together: whether that is possible, and what follows from it. Called when all are read.
    mutating func check() throws(Problem)
}

extension WireType {
    package static var mayBeEmpty: Bool { false }
    package static var place: String { "" }
    package mutating func check() throws(Problem) {}

    /// A whole body. Throws a `Problem`: 400 for what is not JSON, 422 for the rest, with the field and its value.
    package init(body: [UInt8]) throws(Problem) {
        try self.init(consuming: JSONFields(body: body, emptyAllowed: Self.mayBeEmpty))
    }

    /// The data of a server-sent event.
    package init(data: String) throws(Problem) { try self.init(body: Array(data.utf8)) }

    /// An object inside a body.
    package init(_ value: JSONValue) throws(Problem) { try self.init(consuming: JSONFields(value, path: Self.place)) }

    package init(consuming fields: JSONFields) throws(Problem) {
        var fields = fields
        try self.init(from: &fields)
        if Self.isClosed { try fields.finish() }
        try check()
    }

    /// As far as it can be read: what is missing or wrong is as in `blank`. For what anybody may have written.
    package init(asFarAsRead body: [UInt8]) {
        self = Self.blank
        guard var given = try? JSONFields(body: body) else { return }
        for field in Self.fields { try? field.read(&self, &given) }
    }

    /// Its fields among others.
    package init(from fields: inout JSONFields) throws(Problem) {
        self = Self.blank
        for field in Self.fields { try field.read(&self, &fields) }
    }
}

/// What is asked: an unknown field is refused.
package protocol WireRequest: WireType {}

extension WireRequest {
    package static var isClosed: Bool { true }
}
