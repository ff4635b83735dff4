internal import MusterAPI
package import MusterJSON

extension JSONValue {
    /// The value of a member of an object; nil where there is none.
    package subscript(_ name: String) -> JSONValue? { members?.first { $0.key == name }?.value }
}
