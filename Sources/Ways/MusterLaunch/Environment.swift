internal import Glibc

/// This process's environment without Muster's own variables.
package enum Environment {
    package static var inherited: [String: String] {
        var found: [String: String] = [:]
        var place = environ
        while let entry = place.pointee {
            let text = String(cString: entry)
            if let equals = text.firstIndex(of: "="), !text.hasPrefix("MUSTER_") {
                found[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            place += 1
        }
        return found
    }
}
