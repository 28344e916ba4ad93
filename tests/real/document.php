<?php
// A store of whole documents as legacy ones are: a write takes its time, and puts back what it was given.
//
//   GET    document.php/NAME             the document, lines of text
//   PUT    document.php/NAME?think=MS    replaces it by the body, after so many milliseconds

$file = getenv('STORE') . '/' . basename($_SERVER['PATH_INFO'] ?? '') . '.txt';

if ($_SERVER['REQUEST_METHOD'] === 'PUT') {
    $body = file_get_contents('php://input');
    touch("$file.at-work");
    usleep(1000 * (int) ($_GET['think'] ?? 20));
    file_put_contents("$file." . getmypid(), $body);
    rename("$file." . getmypid(), $file);
    unlink("$file.at-work");
}

header('Content-Type: text/plain; charset=utf-8');
header('Cache-Control: no-store');
echo is_file($file) ? file_get_contents($file) : '';
