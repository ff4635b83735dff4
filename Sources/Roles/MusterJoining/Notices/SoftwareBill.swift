internal import MusterAPI
internal import MusterCrypto
internal import MusterJSON

/// A bill of materials as SPDX 2.3 has it (https://spdx.github.io/spdx-spec/v2.3), in JSON.
struct SoftwareBill {
    let packages: [PackedPackage]
    let version: String

    func json(_ createdAt: String) -> [UInt8] {
        var json = JSONWriter(reserving: 64 << 10)
        json.beginObject()
        json.field("spdxVersion", "SPDX-2.3")
        json.field("dataLicense", "CC0-1.0")
        json.field("SPDXID", "SPDXRef-DOCUMENT")
        json.field("name", "muster-\(version)")
        json.field("documentNamespace", "https://spdx.org/spdxdocs/muster-\(version)-\(fingerprint)")
        json.key("creationInfo")
        json.beginObject()
        json.field("created", createdAt)
        json.key("creators")
        json.beginArray()
        json.value("Tool: muster-\(version)")
        json.endArray()
        json.endObject()
        json.key("packages")
        json.beginArray()
        writeOwn(&json)
        for package in packages { write(package, &json) }
        json.endArray()
        json.key("relationships")
        json.beginArray()
        relate("SPDXRef-DOCUMENT", "DESCRIBES", Self.own, &json)
        for package in packages {
            relate(Self.own, package.source == .linked ? "STATIC_LINK" : "CONTAINS", id(of: package), &json)
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }

    private static let own = "SPDXRef-Package-muster"

    /// The same for the same contents.
    private var fingerprint: String {
        let digest = SHA256()
        for package in packages { digest.update(Array("\(package.name) \(package.version) \(package.files)\n".utf8)) }
        return String(hex(digest.finish()).prefix(32))
    }

    /// Letters, digits, dots and hyphens only; no two names of a system differ in others alone but by `+` and `_`.
    private func id(of package: PackedPackage) -> String {
        let text = package.name.replacing("+", with: "-plus").replacing("_", with: "-underscore-")
        return "SPDXRef-Package-\(package.source == .linked ? "linked-" : "")\(text)"
    }

    private func writeOwn(_ json: inout JSONWriter) {
        json.beginObject()
        json.field("SPDXID", Self.own)
        json.field("name", "muster")
        json.field("versionInfo", version)
        json.field("licenseDeclared", "Apache-2.0")
        json.field("primaryPackagePurpose", "APPLICATION")
        writeRest(&json)
    }

    private func write(_ package: PackedPackage, _ json: inout JSONWriter) {
        json.beginObject()
        json.field("SPDXID", id(of: package))
        json.field("name", package.name)
        if !package.version.isEmpty { json.field("versionInfo", package.version) }
        json.field("licenseDeclared", package.license ?? "NOASSERTION")
        if !package.files.isEmpty { json.field("comment", "Packed of it: \(package.files.joined(separator: ", "))") }
        if let locator = package.locator {
            json.key("externalRefs")
            json.beginArray()
            json.beginObject()
            json.field("referenceCategory", "PACKAGE-MANAGER")
            json.field("referenceType", "purl")
            json.field("referenceLocator", locator)
            json.endObject()
            json.endArray()
        }
        writeRest(&json)
    }

    private func writeRest(_ json: inout JSONWriter) {
        json.field("downloadLocation", "NOASSERTION")
        json.field("filesAnalyzed", false)
        json.field("licenseConcluded", "NOASSERTION")
        json.field("copyrightText", "NOASSERTION")
        json.endObject()
    }

    private func relate(_ from: String, _ kind: String, _ to: String, _ json: inout JSONWriter) {
        json.beginObject()
        json.field("spdxElementId", from)
        json.field("relationshipType", kind)
        json.field("relatedSpdxElement", to)
        json.endObject()
    }
}
