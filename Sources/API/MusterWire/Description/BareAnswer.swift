package import MusterJSON

/// An answer that is no object of named fields but one value, of one kind: what old clients read. Nobody here reads it.
package protocol BareAnswer: WireWritable {
    associatedtype Value: Sendable
    static var kind: WireKind<Value> { get }
    var value: Value { get }
}

extension BareAnswer {
    package static var fields: [WireField<Self>] { [] }
    package static var ownSchema: Schema { kind.schema }
    package func write(to json: inout JSONWriter) { Self.kind.write(value, &json) }
}
