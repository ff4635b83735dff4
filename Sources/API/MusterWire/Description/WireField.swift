internal import MusterJSON

/// One field of a wire type: its name, what it may be, whether it must be there, and where in `Owner` it is; or those of a part.
package struct WireField<Owner: Sendable>: Sendable {
    /// As the document tells them.
    package let described: [Schema.Field]
    let read: @Sendable (inout Owner, inout JSONFields) throws(Problem) -> Void
    /// Its name and its value, or nothing.
    let write: @Sendable (Owner, inout JSONWriter) -> Void

    private init(
        _ described: [Schema.Field],
        read: @escaping @Sendable (inout Owner, inout JSONFields) throws(Problem) -> Void,
        write: @escaping @Sendable (Owner, inout JSONWriter) -> Void
    ) {
        (self.described, self.read, self.write) = (described, read, write)
    }

    /// One value. With `must` the whole is refused where it is missing; without `when` it is always written.
    private init<T>(
        _ described: Schema.Field, _ path: any WritableKeyPath<Owner, T> & Sendable, _ kind: WireKind<T>,
        must: Bool = false, when: (@Sendable (Owner) -> Bool)? = nil
    ) {
        let (name, key, place) = (described.name, JSONWriter.encoded(key: described.name), WirePlace(path))
        self.init([described]) { owner, fields throws(Problem) in
            let found = try kind.read(&fields, name)
            if let found {
                place.set(found, in: &owner)
            } else if must {
                _ = try fields.required(name, found)
            }
        } write: { owner, json in
            if let when, !when(owner) { return }
            json.key(encoded: key)
            kind.write(place.value(in: owner), &json)
        }
    }
}

extension WireField {
    /// One that is always there; without it nothing is read.
    package static func must<T>(
        _ name: String, _ path: any WritableKeyPath<Owner, T> & Sendable, _ kind: WireKind<T>, _ summary: String = ""
    ) -> WireField {
        WireField(.always(name, kind.schema, summary), path, kind, must: true)
    }

    /// One that is always there; whoever reads goes on without it.
    package static func always<T>(
        _ name: String, _ path: any WritableKeyPath<Owner, T> & Sendable, _ kind: WireKind<T>, _ summary: String = ""
    ) -> WireField {
        WireField(.always(name, kind.schema, summary), path, kind)
    }

    /// One that is always there, and null where there is none.
    package static func always<T>(
        _ name: String, _ path: any WritableKeyPath<Owner, T?> & Sendable, _ kind: WireKind<T>, _ summary: String = ""
    ) -> WireField {
        always(name, path, kind.orNull, summary)
    }

    /// One that may be left out; it is written where `when` says so.
    package static func may<T>(
        _ name: String, _ path: any WritableKeyPath<Owner, T> & Sendable, _ kind: WireKind<T>, _ summary: String = "",
        when: (@Sendable (Owner) -> Bool)? = nil
    ) -> WireField {
        WireField(.maybe(name, kind.schema, summary), path, kind, when: when)
    }

    /// One that may be left out: it is, where it is nil.
    package static func may<T>(
        _ name: String, _ path: any WritableKeyPath<Owner, T?> & Sendable, _ kind: WireKind<T>, _ summary: String = ""
    ) -> WireField {
        let place = WirePlace(path)
        let maybe = kind.as(T?.self, from: { value, _ in value }, to: { $0! })
        return WireField(.maybe(name, kind.schema, summary), path, maybe, when: { place.value(in: $0) != nil })
    }

    /// One that follows from others: whoever reads looks at its kind, and drops it.
    package static func told<T>(
        _ name: String, _ get: @escaping @Sendable (Owner) -> T, _ kind: WireKind<T>, _ summary: String = ""
    ) -> WireField {
        let key = JSONWriter.encoded(key: name)
        return WireField([.always(name, kind.schema, summary)]) { _, fields throws(Problem) in
            _ = try kind.read(&fields, name)
        } write: { owner, json in
            json.key(encoded: key)
            kind.write(get(owner), &json)
        }
    }

    /// An object, always there, whose fields are the owner's own.
    package static func group(_ name: String, _ fields: [WireField], _ summary: String = "") -> WireField {
        let key = JSONWriter.encoded(key: name)
        let schema = Schema(.object(fields.flatMap(\.described), isClosed: false))
        return WireField([.always(name, schema, summary)]) { owner, given throws(Problem) in
            var inner = try given.required(name, given.object(name))
            for field in fields { try field.read(&owner, &inner) }
        } write: { owner, json in
            json.key(encoded: key)
            json.beginObject()
            for field in fields { field.write(owner, &json) }
            json.endObject()
        }
    }

    /// The fields of a part, among the owner's own.
    package static func part<Part: WireType>(_ path: any WritableKeyPath<Owner, Part> & Sendable) -> WireField {
        part(path, from: { $0 }, to: { $0 })
    }

    /// The same, of a part that is made of what the fields say together.
    package static func part<Part: WireType, T>(
        _ path: any WritableKeyPath<Owner, T> & Sendable, from: @escaping @Sendable (Part) -> T,
        to: @escaping @Sendable (T) -> Part
    ) -> WireField {
        let place = WirePlace(path)
        return WireField(Part.fields.flatMap(\.described)) { owner, fields throws(Problem) in
            var part = try Part(from: &fields)
            try part.check()
            place.set(from(part), in: &owner)
        } write: { owner, json in
            to(place.value(in: owner)).writeFields(to: &json)
        }
    }
}

/// Where a value is in its owner. One that is stored is read and set at its offset (SE-0210): a walk along its path takes longer than
/// the JSON of it.
private struct WirePlace<Owner, Value>: Sendable {
    private let path: any WritableKeyPath<Owner, Value> & Sendable
    private let offset: Int?

    init(_ path: any WritableKeyPath<Owner, Value> & Sendable) {
        (self.path, offset) = (path, MemoryLayout<Owner>.offset(of: path))
    }

    @inline(__always) func value(in owner: Owner) -> Value {
        guard let offset else { return owner[keyPath: path] }
        return withUnsafeBytes(of: owner) {
            $0.baseAddress!.advanced(by: offset).assumingMemoryBound(to: Value.self).pointee
        }
    }

    @inline(__always) func set(_ value: Value, in owner: inout Owner) {
        guard let offset else {
            owner[keyPath: path] = value
            return
        }
        withUnsafeMutableBytes(of: &owner) {
            $0.baseAddress!.advanced(by: offset).assumingMemoryBound(to: Value.self).pointee = value
        }
    }
}
