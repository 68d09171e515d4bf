// Organisations' keys for outside services, in AWS Secrets Manager.

import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";

export type VapiKeys = { publicApiKey: string; privateApiKey: string };

const client = (): SecretsManagerClient =>
  new SecretsManagerClient({
    region: process.env.AWS_REGION || "us-east-1",
    endpoint: process.env.AWS_ENDPOINT_URL || undefined,
    credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? "", secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? "" },
  });

/** The prefix of the names of an organisation's secrets: others' are not to be used. */
export const namePrefix = (organizationId: string): string => `tenant/${organizationId}/`;

export async function putSecret(name: string, value: unknown): Promise<void> {
  const aws = client();
  const SecretString = JSON.stringify(value);
  try {
    await aws.send(new CreateSecretCommand({ Name: name, SecretString }));
  } catch (error) {
    if (!(error instanceof ResourceExistsException)) throw error;
    await aws.send(new PutSecretValueCommand({ SecretId: name, SecretString }));
  }
}

export async function removeSecret(name: string): Promise<void> {
  try {
    await client().send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }));
  } catch (error) {
    if (!(error instanceof ResourceNotFoundException)) throw error;
  }
}

/** The keys under a name; null if they cannot be read as keys. */
export async function vapiKeys(name: string): Promise<Partial<VapiKeys> | null> {
  const { SecretString } = await client().send(new GetSecretValueCommand({ SecretId: name }));
  try {
    return SecretString === undefined ? null : (JSON.parse(SecretString) as Partial<VapiKeys>);
  } catch {
    return null;
  }
}
