/** A server that plays a script: it answers the calls it expects, in their order, and remembers what went wrong. */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  status,
  type UntypedHandleCall,
  type ServiceDefinition,
} from "@grpc/grpc-js";

import { BlobServiceService, GetCapabilitiesResponse } from "../gen/argosy/v1/blob_service.js";

export interface ToldStatus {
  code: keyof typeof status;
  reason: string;
}

/** Makes what a handler ends a call with. */
export function callError({ code, reason }: ToldStatus): Error {
  const metadata = new Metadata();
  if (reason !== "") metadata.set("grpc-status-details-bin", statusDetails(status[code], reason));
  return Object.assign(new Error(reason), { code: status[code], details: `scripted ${code} ${reason}`, metadata });
}

function statusDetails(code: number, reason: string): Buffer {
  const info = new BinaryWriter().uint32(10).string(reason).uint32(18).string("argosy").finish();
  const any = new BinaryWriter();
  any.uint32(10).string("type.googleapis.com/google.rpc.ErrorInfo").uint32(18).bytes(info);
  return Buffer.from(new BinaryWriter().uint32(8).int32(code).uint32(26).bytes(any.finish()).finish());
}

const CAPABILITIES = GetCapabilitiesResponse.fromPartial({
  protocolRevision: 1,
  oldestProtocolRevision: 1,
  serverVersion: "scripted",
  preferredChunkBytes: 1 << 20,
  maxChunkBytes: 2 << 20,
  maxInlineBytes: 1 << 20,
  maxFiles: 16384,
  maxDigests: 16384,
  maxBatchBytes: 2 << 20,
  maxBatchItems: 1000,
});

/** Serves the given methods, by their names in the service, while `use` runs with the address. */
export async function withServer(
  services: { definition: ServiceDefinition; handlers: Record<string, unknown> }[],
  use: (address: string) => Promise<void>,
): Promise<void> {
  const server = new Server();
  const getCapabilities = (_: ServerUnaryCall<unknown, unknown>, reply: sendUnaryData<GetCapabilitiesResponse>) =>
    reply(null, CAPABILITIES);
  const blobs = services.find(({ definition }) => definition === (BlobServiceService as ServiceDefinition));
  server.addService(BlobServiceService, { getCapabilities, ...blobs?.handlers } as Record<string, UntypedHandleCall>);
  for (const { definition, handlers } of services) {
    if (definition !== (BlobServiceService as ServiceDefinition)) {
      server.addService(definition, handlers as Record<string, UntypedHandleCall>);
    }
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  try {
    await use(`grpc://127.0.0.1:${port}`);
  } finally {
    server.forceShutdown();
  }
}
