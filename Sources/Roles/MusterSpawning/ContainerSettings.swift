package import MusterContainers

/// How workers and children are launched as containers. From the flags beside `--launcher docker`.
package struct ContainerSettings: Sendable {
    package var engine: EngineAddress
    /// Of this same program. From `--image`; nil is the image of the container that the coordinator is in, else `muster:latest`.
    package var image: String?
    /// From `--docker-network`; nil is that of the coordinator's own container, else the engine's usual one.
    package var network: String?
    package var limits = ContainerLimits()
    /// Processes will do where no engine answers, or none that has the image. From `--launcher auto`.
    package var isOptional = false

    package init(engine: EngineAddress) { self.engine = engine }
}

/// A foreign image whose containers are children: any that prints one whole number a line and ends.
package struct ChildImage: Sendable {
    package var engine: EngineAddress
    package var image: String
    package var limits = ContainerLimits()

    package init(engine: EngineAddress, image: String) { (self.engine, self.image) = (engine, image) }
}
