/// What is answered in lists: `{"jobs": […]}`.
package protocol WireListed: WireWritable {
    /// The field that has the list.
    static var listName: String { get }
    /// By which the document tells of the list.
    static var listSchemaName: String { get }
    static var listKind: WireKind<[Self]> { get }
    /// The list's fields, made once: `static let listFields = madeListFields`. A generic type cannot keep them.
    static var listFields: [WireField<ListAnswer<Self>>] { get }
}

extension WireListed {
    package static var listKind: WireKind<[Self]> { .written() }
    package static var madeListFields: [WireField<ListAnswer<Self>>] { [.always(listName, \.items, listKind)] }
}

extension WireListed where Self: WireType {
    package static var listKind: WireKind<[Self]> { .objects() }
}

/// A list in an object of its own, so that later versions may answer more beside it.
package struct ListAnswer<Item: WireListed>: WireWritable {
    package var items: [Item]

    package init(_ items: [Item]) { self.items = items }

    package var bytesExpected: Int { items.reduce(64) { $0 + $1.bytesExpected } }
    package static var schemaName: String { Item.listSchemaName }
    package static var fields: [WireField<ListAnswer>] { Item.listFields }
}

extension ListAnswer: WireType where Item: WireType {
    package static var blank: ListAnswer { ListAnswer([]) }
}
